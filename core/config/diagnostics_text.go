package config

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/mitchellh/go-wordwrap"
)

// WriteText writes all diagnostics as text, in the order of files and lines. It wraps prose at width, unless that is 0. color adds
// terminal escape sequences.
//
// The form is that of hcl.NewDiagnosticTextWriter with a line of carets, which shows the place without color too.
func (d *Diagnostics) WriteText(w io.Writer, width int, color bool) error {
	for _, diag := range d.sorted() {
		var b bytes.Buffer
		d.text(&b, diag, max(0, width), color)
		if _, err := w.Write(b.Bytes()); err != nil {
			return fmt.Errorf("write diagnostics: %w", err)
		}
	}
	return nil
}

func (d *Diagnostics) text(b *bytes.Buffer, diag *hcl.Diagnostic, width int, color bool) {
	severity, code, reset := "Error", "\x1b[31m", "\x1b[0m"
	if diag.Severity == hcl.DiagWarning {
		severity, code = "Warning", "\x1b[33m"
	}
	if !color {
		code, reset = "", ""
	}
	fmt.Fprintf(b, "%s%s%s: %s\n\n", code, severity, reset, printable(diag.Summary))
	if s := d.snippet(diag); s != nil {
		s.write(b, code, reset)
	}
	if diag.Detail != "" {
		detail := printable(diag.Detail)
		if width > 0 {
			detail = wordwrap.WrapString(detail, uint(width))
		}
		fmt.Fprintf(b, "%s\n\n", detail)
	}
}

// snippet is the source line of a diagnostic.
type snippet struct {
	file, context string
	line          int
	// code is the text of the line; from and to are the byte offsets of the marked part.
	code     []byte
	from, to int
	// known is false if the text of the file is not available.
	known bool
}

func (d *Diagnostics) snippet(diag *hcl.Diagnostic) *snippet {
	if diag.Subject == nil {
		return nil
	}
	rng := *diag.Subject
	s := &snippet{file: rng.Filename, line: rng.Start.Line}
	f := d.files[rng.Filename]
	if f == nil {
		return s
	}
	text, start, ok := f.line(rng.Start.Line)
	if !ok {
		return s
	}
	s.known, s.code, s.context = true, text, f.context(rng.Start.Byte)
	s.from = min(max(rng.Start.Byte-start, 0), len(text))
	s.to = min(max(rng.End.Byte-start, s.from), len(text))
	s.cut()
	return s
}

// cut shortens a long line to the part around the marked range.
func (s *snippet) cut() {
	const before, after = 100, 150
	from, to := max(0, s.from-before), min(len(s.code), s.from+after)
	for from > 0 && !utf8.RuneStart(s.code[from]) {
		from--
	}
	for to > s.from && to < len(s.code) && !utf8.RuneStart(s.code[to]) {
		to--
	}
	head, tail := "", ""
	if from > 0 {
		head = "..."
	}
	if to < len(s.code) {
		tail = "..."
	}
	s.from, s.to = s.from-from+len(head), min(s.to, to)-from+len(head)
	s.code = []byte(head + string(s.code[from:to]) + tail)
}

// printable replaces control characters, which a terminal would obey.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func (s *snippet) write(b *bytes.Buffer, code, reset string) {
	if !s.known {
		fmt.Fprintf(b, "  on %s\n\n", s.file)
		return
	}
	in := ""
	if s.context != "" {
		in = ", in " + s.context
	}
	fmt.Fprintf(b, "  on %s line %d%s:\n", printable(s.file), s.line, printable(in))
	if len(bytes.TrimSpace(s.code)) == 0 {
		b.WriteString("\n")
		return
	}
	carets := strings.Repeat("^", max(1, utf8.RuneCount(s.code[s.from:s.to])))
	fmt.Fprintf(b, "%4d: %s\n      %s%s\n\n", s.line, printable(string(s.code)), blank(s.code[:s.from]), code+carets+reset)
}

// blank replaces text by white space of the same width.
func blank(text []byte) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(text))
}
