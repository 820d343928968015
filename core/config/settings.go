package config

import (
	"log/slog"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Settings is a JSON object that may hold secrets. It prints and logs as "(sensitive)"; it is assignable to []byte.
type Settings []byte

const redacted = "(sensitive)"

// String hides the value.
func (Settings) String() string { return redacted }

// GoString hides the value.
func (Settings) GoString() string { return redacted }

// LogValue hides the value.
func (Settings) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON hides the value.
func (Settings) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Tokens are secrets. They print and log as "(sensitive)"; they are assignable to []string.
type Tokens []string

// String hides the values.
func (Tokens) String() string { return redacted }

// GoString hides the values.
func (Tokens) GoString() string { return redacted }

// LogValue hides the values.
func (Tokens) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON hides the values.
func (Tokens) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Diagnose adds diagnostics that a plugin returned for its settings, at the line of the setting that Path names, or at the block when
// there is no such line. It removes the secrets of the settings from the text.
func (p *Plugin) Diagnose(d *pluginv1.Diagnostic) { p.origin.diagnose(d) }

// Diagnose adds diagnostics of a source for its settings, as Plugin.Diagnose does.
func (s *Source) Diagnose(d *pluginv1.Diagnostic) { s.origin.diagnose(d) }

// origin is where settings were written.
type origin struct {
	diags *Diagnostics
	block hcl.Range
	// settings is nil when they were not decoded.
	settings *object
}

func (o *origin) diagnose(d *pluginv1.Diagnostic) {
	if o.settings.explains(d) {
		return
	}
	clean := o.settings.cleaner()
	diag := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: clean.Replace(d.GetSummary()), Detail: clean.Replace(d.GetDetail())}
	if d.GetSeverity() == pluginv1.Diagnostic_SEVERITY_WARNING {
		diag.Severity = hcl.DiagWarning
	}
	rng, found := o.settings.find(pathSteps(d.GetPath()))
	if rng == (hcl.Range{}) {
		rng = o.block
	}
	if named := strings.Contains(d.GetSummary()+d.GetDetail(), d.GetPath()); !found && !named {
		diag.Detail = strings.TrimSpace(diag.Detail + " (Setting: " + d.GetPath() + ")")
	}
	diag.Subject = &rng
	o.diags.Append(diag)
}

var pathSeparators = regexp.MustCompile(`[.\[\]"]+`)

// pathSteps splits "smtp.host", "headers[0].name" and "headers.0.name".
func pathSteps(path string) []string {
	return strings.FieldsFunc(pathSeparators.ReplaceAllString(path, "."), func(r rune) bool { return r == '.' })
}

// find is the range of the setting at a path, or of the nearest block around it, and whether it was the setting.
func (o *object) find(steps []string) (hcl.Range, bool) {
	if o == nil || len(steps) == 0 {
		return hcl.Range{}, false
	}
	if f, ok := o.fields[steps[0]]; ok && f.written {
		return f.rng, true
	}
	blocks := o.blocks[steps[0]]
	if len(blocks) == 0 {
		return o.rng, false
	}
	steps = steps[1:]
	at := 0
	if len(steps) > 0 {
		if n, err := strconv.Atoi(steps[0]); err == nil && n >= 0 {
			at, steps = min(n, len(blocks)-1), steps[1:]
		}
	}
	if len(steps) == 0 {
		return blocks[at].rng, true
	}
	return blocks[at].find(steps)
}

// cleaner replaces the secrets of settings. It keeps very short ones, because replacing every "a" would make the text unreadable.
func (o *object) cleaner() *strings.Replacer {
	const shortest = 4
	var pairs []string
	for _, s := range o.secrets() {
		if len(s) >= shortest {
			pairs = append(pairs, s, redacted)
		}
	}
	return strings.NewReplacer(pairs...)
}

// secrets are the strings in sensitive values.
func (o *object) secrets() []string {
	if o == nil {
		return nil
	}
	var found []string
	for _, f := range o.fields {
		if !f.secret {
			continue
		}
		_ = cty.Walk(f.value, func(_ cty.Path, v cty.Value) (bool, error) { // the function returns no error
			if v.Type() == cty.String && !v.IsNull() {
				found = append(found, v.AsString())
			}
			return true, nil
		})
	}
	for _, blocks := range o.blocks {
		for _, b := range blocks {
			found = append(found, b.secrets()...)
		}
	}
	return found
}
