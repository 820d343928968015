package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
)

// Diagnostics collects everything that is wrong or doubtful about a configuration. It is not safe for concurrent use.
type Diagnostics struct {
	list  hcl.Diagnostics
	files map[string]*source
}

// Append adds what another stage found, such as rule.Compile. Values of expressions are dropped: a diagnostic shows source
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

// HasErrors says whether the configuration cannot be used.
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
	for _, diag := range d.list {
		if diag.Severity == hcl.DiagError {
			return fmt.Sprintf("%s (%d errors)", diag.Error(), d.Errors())
		}
	}
	return "no errors"
}

// source is one file's text.
type source struct{ name string }
