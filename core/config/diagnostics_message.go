package config

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
)

// Message is one diagnostic for a reader that does not know HCL.
type Message struct {
	// Severity is "error" or "warning".
	Severity        string
	Summary, Detail string
	// File is empty when the diagnostic is about no place in a file; Line and Column count from 1.
	File         string
	Line, Column int
	// Start and End are offsets of bytes in the file.
	Start, End int
	// Text is all of it as WriteText writes it, without colors.
	Text string
}

// Messages returns the diagnostics, errors of a file in the order of its lines. Text is as wide as width.
func (d *Diagnostics) Messages(width int) []Message {
	var out []Message
	for _, diag := range d.sorted() {
		m := Message{Severity: "error", Summary: diag.Summary, Detail: diag.Detail}
		if diag.Severity == hcl.DiagWarning {
			m.Severity = "warning"
		}
		if s := diag.Subject; s != nil {
			m.File, m.Line, m.Column = s.Filename, s.Start.Line, s.Start.Column
			m.Start, m.End = s.Start.Byte, s.End.Byte
		}
		var b bytes.Buffer
		d.text(&b, diag, width, false)
		m.Text = b.String()
		out = append(out, m)
	}
	return out
}
