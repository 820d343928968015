package config

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxExpressionBytes bounds an expression that does not come from a configuration file.
const maxExpressionBytes = 16 << 10

// Expression is an expression of its own, such as the value of a flag.
type Expression struct {
	hclsyntax.Expression
	// Diagnostics are about the expression; they show its text.
	Diagnostics *Diagnostics

	file *file
}

// ParseExpression parses an expression under the limits of configuration files. name stands for a file name in diagnostics. The
// Expression is nil in the result if Diagnostics has errors.
func ParseExpression(name, text string) *Expression {
	f := &file{name: name, body: &hclsyntax.Body{}}
	e := &Expression{Diagnostics: &Diagnostics{files: map[string]*file{name: f}}, file: f}
	whole := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
	if len(text) > maxExpressionBytes {
		e.Diagnostics.Append(errorAt(whole, "Expression too long", fmt.Sprintf("It has %d bytes; at most %d are allowed.", len(text), maxExpressionBytes)))
		return e
	}
	checked, diag := checkBytes(name, []byte(text))
	if diag != nil {
		e.Diagnostics.Append(diag)
		return e
	}
	f.setText(checked)
	tokens, _ := hclsyntax.LexExpression(checked, name, hcl.InitialPos) // its errors come again from ParseExpression
	if diag := checkTokens(tokens); diag != nil {
		e.Diagnostics.Append(diag)
		return e
	}
	parsed, diags := hclsyntax.ParseExpression(checked, name, hcl.InitialPos)
	e.Diagnostics.Append(understand(tokens, diags)...)
	if !e.Diagnostics.HasErrors() {
		e.Expression = parsed
	}
	return e
}

// Text returns what is written at a range of the expression.
func (e *Expression) Text(rng hcl.Range) string {
	if !rng.CanSliceBytes(e.file.text) {
		return ""
	}
	return string(bytes.Clone(rng.SliceBytes(e.file.text)))
}
