package config

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/hashicorp/hcl/v2"
)

// The JSON form is that of `terraform validate -json`, which editors and review tools know.
type jsonReport struct {
	FormatVersion string           `json:"format_version"`
	Valid         bool             `json:"valid"`
	ErrorCount    int              `json:"error_count"`
	WarningCount  int              `json:"warning_count"`
	Diagnostics   []jsonDiagnostic `json:"diagnostics"`
}

type jsonDiagnostic struct {
	Severity string       `json:"severity"`
	Summary  string       `json:"summary"`
	Detail   string       `json:"detail"`
	Range    *jsonRange   `json:"range,omitempty"`
	Snippet  *jsonSnippet `json:"snippet,omitempty"`
}

type jsonRange struct {
	Filename string  `json:"filename"`
	Start    jsonPos `json:"start"`
	End      jsonPos `json:"end"`
}

type jsonPos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

type jsonSnippet struct {
	// Context is null outside of any block.
	Context              *string  `json:"context"`
	Code                 string   `json:"code"`
	StartLine            int      `json:"start_line"`
	HighlightStartOffset int      `json:"highlight_start_offset"`
	HighlightEndOffset   int      `json:"highlight_end_offset"`
	Values               []string `json:"values"` // always empty: a value may be a secret
}

// WriteJSON writes all diagnostics as one JSON document, in the order of WriteText.
func (d *Diagnostics) WriteJSON(w io.Writer) error {
	report := jsonReport{
		FormatVersion: "1.0", Valid: !d.HasErrors(),
		ErrorCount: d.Errors(), WarningCount: d.Warnings(), Diagnostics: []jsonDiagnostic{},
	}
	for _, diag := range d.sorted() {
		report.Diagnostics = append(report.Diagnostics, d.json(diag))
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(report); err != nil {
		return fmt.Errorf("write diagnostics: %w", err)
	}
	return nil
}

func (d *Diagnostics) json(diag *hcl.Diagnostic) jsonDiagnostic {
	j := jsonDiagnostic{Severity: "error", Summary: diag.Summary, Detail: diag.Detail}
	if diag.Severity == hcl.DiagWarning {
		j.Severity = "warning"
	}
	if rng := diag.Subject; rng != nil {
		j.Range = &jsonRange{Filename: rng.Filename, Start: jsonPos(rng.Start), End: jsonPos(rng.End)}
	}
	if s := d.snippet(diag); s != nil && s.known {
		j.Snippet = &jsonSnippet{
			Code: string(s.code), StartLine: s.line, HighlightStartOffset: s.from, HighlightEndOffset: s.to, Values: []string{},
		}
		if s.context != "" {
			j.Snippet.Context = &s.context
		}
	}
	return j
}
