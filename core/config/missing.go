package config

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// A configuration is also checked where it does not run, such as in a CI job that must not have the secrets. What is not there is then
// an unknown value with the mark missing (Options.Offline). The marks go with the value through every expression, so that each
// missing thing is reported once, and only where it is needed. An unknown value without such a mark follows from an error.

// missing marks an unknown value. It is what the report about it says.
type missing struct {
	// argument is the first one of the call of env() or file().
	argument        string
	summary, detail string
}

// unavailable is the value of a secret function for something that is not there.
func (l *loader) unavailable(a missing) (cty.Value, error) {
	if !l.options.Offline {
		return cty.NilVal, &missingError{a.summary, a.detail}
	}
	return mark(cty.UnknownVal(cty.String)).Mark(a), nil
}

// notHere reports whether a file does not exist on this machine, or not for this user.
func notHere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}

// missingIn returns the marks missing at every depth of a value.
func missingIn(v cty.Value) cty.ValueMarks {
	if !v.ContainsMarked() {
		return nil
	}
	_, marks := v.UnmarkDeep()
	maps.DeleteFunc(marks, func(m any, _ struct{}) bool {
		_, is := m.(missing)
		return !is
	})
	return marks
}

// withoutMissing removes the marks missing at every depth. core/rule takes every mark for a secret.
func withoutMissing(values map[string]cty.Value) map[string]cty.Value {
	out := maps.Clone(values)
	for name, v := range values {
		if len(missingIn(v)) == 0 {
			continue
		}
		bare, paths := v.UnmarkDeepWithPaths()
		for _, p := range paths {
			maps.DeleteFunc(p.Marks, func(m any, _ struct{}) bool {
				_, is := m.(missing)
				return is
			})
		}
		paths = slices.DeleteFunc(paths, func(p cty.PathValueMarks) bool { return len(p.Marks) == 0 })
		out[name] = bare.MarkWithPaths(paths)
	}
	return out
}

// warnAllMissing reports what an expression needs and is not there, at the call that needs it first.
func (l *loader) warnAllMissing(expr hclsyntax.Expression, marks cty.ValueMarks) {
	var all []missing
	for m := range marks {
		all = append(all, m.(missing))
	}
	slices.SortFunc(all, func(a, b missing) int { return strings.Compare(a.detail, b.detail) })
	for _, a := range all {
		rng := expr.Range()
		for _, call := range slices.Backward(calls(expr)) {
			if secretNames[call.Name] && len(call.Args) > 0 && isText(call.Args[0], a.argument) {
				rng = call.Range()
			}
		}
		l.warnMissing(rng, a)
	}
}

func isText(expr hclsyntax.Expression, text string) bool {
	v, diags := expr.Value(nil)
	return !diags.HasErrors() && v.RawEquals(cty.StringVal(text))
}

// warnMissing reports one thing that is not there, once.
func (l *loader) warnMissing(rng hcl.Range, a missing) {
	if l.warned[a.detail] {
		return
	}
	l.warned[a.detail] = true
	l.warn(rng, a.summary, a.detail+" Here this is only a warning: what depends on its value is not checked.")
}

// standIn returns o with a random text for each list of secrets that is not there. A source can then be made: it decodes events
// without the secrets, and nobody can know the text. A single secret that may be absent is left out: it may be more than a text.
func (o *object) standIn() *object {
	out := *o
	out.fields, out.blocks = maps.Clone(o.fields), map[string][]*object{}
	for _, a := range o.schema.GetAttributes() {
		f, unknown := o.unknown[a.GetName()]
		if !unknown || !a.GetSensitive() || a.GetType() == pluginv1.Type_TYPE_STRING && !a.GetRequired() {
			continue
		}
		v, err := cty.Transform(f.value, func(_ cty.Path, v cty.Value) (cty.Value, error) {
			text := cty.StringVal(rand.Text() + rand.Text())
			switch {
			case v.IsKnown():
				return v, nil
			case v.Type() == cty.String:
				return text, nil
			case v.Type().Equals(cty.List(cty.String)):
				return cty.ListVal([]cty.Value{text}), nil
			}
			return v, errors.New("not a text")
		})
		if err == nil {
			f.value = v
			out.fields[a.GetName()] = f
		}
	}
	for name, blocks := range o.blocks {
		for _, b := range blocks {
			out.blocks[name] = append(out.blocks[name], b.standIn())
		}
	}
	return &out
}

// explains reports whether something that has no value here may be the reason for a diagnostic: it is about that setting, or mentions
// it.
func (o *object) explains(d *pluginv1.Diagnostic) bool {
	if o == nil {
		return false
	}
	text := strings.ToLower(strings.Join([]string{d.GetPath(), d.GetSummary(), d.GetDetail()}, " "))
	for name := range o.unknown {
		if strings.Contains(text, strings.ToLower(name)) {
			return true
		}
	}
	for _, blocks := range o.blocks {
		if slices.ContainsFunc(blocks, func(b *object) bool { return b.explains(d) }) {
			return true
		}
	}
	return false
}
