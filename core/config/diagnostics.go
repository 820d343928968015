package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Diagnostics collects the errors and warnings about a configuration. It is not safe for concurrent use.
type Diagnostics struct {
	list  hcl.Diagnostics
	files map[string]*file
}

// Append adds the diagnostics of another stage, such as rule.Compile. Values of expressions are dropped: a diagnostic shows source
// text and never a value.
func (d *Diagnostics) Append(diags ...*hcl.Diagnostic) {
	for _, diag := range diags {
		c := *diag
		c.Expression, c.EvalContext, c.Extra = nil, nil, nil
		d.list = append(d.list, &c)
	}
}

// Len is the number of errors and warnings.
func (d *Diagnostics) Len() int { return len(d.list) }

// HasErrors reports whether the configuration cannot be used.
func (d *Diagnostics) HasErrors() bool { return d.Errors() > 0 }

// Errors is the number of errors.
func (d *Diagnostics) Errors() int { return d.count(hcl.DiagError) }

// Warnings is the number of warnings.
func (d *Diagnostics) Warnings() int { return d.count(hcl.DiagWarning) }

func (d *Diagnostics) count(s hcl.DiagnosticSeverity) int {
	n := 0
	for _, diag := range d.list {
		if diag.Severity == s {
			n++
		}
	}
	return n
}

// Error is the first error in one line, with the number of others.
func (d *Diagnostics) Error() string {
	for _, diag := range d.sorted() {
		if diag.Severity != hcl.DiagError {
			continue
		}
		detail, rest, _ := strings.Cut(diag.Detail, "\n")
		text := diag.Summary + ": " + detail
		if rest != "" {
			text += " ..."
		}
		if diag.Subject != nil {
			text = fmt.Sprintf("%s:%d: %s", diag.Subject.Filename, diag.Subject.Start.Line, text)
		}
		switch n := d.Errors(); {
		case n == 2:
			text += " (and 1 more error)"
		case n > 2:
			text += fmt.Sprintf(" (and %d more errors)", n-1)
		}
		return text
	}
	return "no errors"
}

// sorted orders diagnostics by file, line and column; those without a position come first.
func (d *Diagnostics) sorted() hcl.Diagnostics {
	list := slices.Clone(d.list)
	slices.SortStableFunc(list, func(a, b *hcl.Diagnostic) int {
		x, y := subject(a), subject(b)
		return cmp.Or(cmp.Compare(x.Filename, y.Filename), cmp.Compare(x.Start.Line, y.Start.Line), cmp.Compare(x.Start.Column, y.Start.Column))
	})
	return list
}

func subject(d *hcl.Diagnostic) hcl.Range {
	if d.Subject == nil {
		return hcl.Range{}
	}
	return *d.Subject
}

func errorAt(rng hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &rng}
}

func warningAt(rng hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: detail, Subject: &rng}
}

// place is "config.hcl line 3", for a diagnostic that mentions a second place.
func place(rng hcl.Range) string { return fmt.Sprintf("%s line %d", rng.Filename, rng.Start.Line) }
