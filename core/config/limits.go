package config

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/pointsman/pointsman/core/jsondoc"
)

// Limits on a file, checked on its bytes and tokens before they reach HCL's parser. The parser and everything after it
// recurse with the depth of the text, and a Go program does not survive running out of stack (hashicorp/hcl#809).
const (
	maxFileBytes = 1 << 20
	// maxBrackets bounds ( [ { ${ %{ inside each other.
	maxBrackets = 100
	// maxDepth bounds the height of an expression's syntax tree, to which long chains of operators add without a bracket.
	maxDepth = 5000
	maxRules = 100_000
)

var bomUTF8 = []byte{0xEF, 0xBB, 0xBF}

// checkBytes rejects anything but UTF-8 text of bounded size. It returns the text without a byte order mark.
func checkBytes(name string, b []byte) ([]byte, *hcl.Diagnostic) {
	whole := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
	switch {
	case len(b) > maxFileBytes:
		return nil, errorAt(whole, "File too large", "A configuration file may have at most 1 MiB. Split it: all *.hcl files of a directory are read as one configuration.")
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}), bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		return nil, errorAt(whole, "File is not UTF-8", "The file starts with the byte order mark of UTF-16. Save it as UTF-8.")
	}
	b = bytes.TrimPrefix(b, bomUTF8)
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return nil, errorAt(whole, "File is not text", fmt.Sprintf("The file has a NUL byte at line %d. Is it a configuration file, saved as UTF-8?", 1+bytes.Count(b[:i], []byte("\n"))))
	}
	return b, nil
}

// checkTokens refuses text that nests deeper than the limits.
func checkTokens(tokens hclsyntax.Tokens) *hcl.Diagnostic {
	m := depthMeter{frames: []frame{{closer: hclsyntax.TokenEOF, lines: true}}}
	for i, t := range tokens {
		if t.Type == hclsyntax.TokenNumberLit && !jsondoc.InRange(string(t.Bytes)) {
			return errorAt(t.Range, "Number out of range", numberLimits)
		}
		if t.Type == hclsyntax.TokenIdent && i > 0 && tokens[i-1].Type == hclsyntax.TokenTemplateControl {
			m.directive(string(t.Bytes))
		}
		m.token(tokens, i)
		if m.brackets > maxBrackets {
			return errorAt(t.Range, "Nested too deeply", fmt.Sprintf("Brackets may be nested at most %d deep.", maxBrackets))
		}
		if m.depth() > maxDepth {
			return errorAt(t.Range, "Expression too long", fmt.Sprintf("One expression may have at most %d operators.", maxDepth))
		}
	}
	return nil
}

// depthMeter follows a file's tokens and knows an upper bound of the height of the syntax tree that the parser would build.
type depthMeter struct {
	frames   []frame
	brackets int
}

// frame is an open bracket, quote or heredoc.
type frame struct {
	closer hclsyntax.TokenType
	// counts is set for brackets, which maxBrackets limits; quotes and heredocs do not count.
	counts bool
	// lines is set where a newline separates expressions: in bodies and objects.
	lines bool
	// operators since the last separator: each may add one level to the tree.
	operators int
	// below is the greatest height of the frames closed since the last separator.
	below int
	// directives is how many %{if} and %{for} of this template are open.
	directives int
}

func (f *frame) height() int { return f.operators + f.below + f.directives }

func (m *depthMeter) top() *frame { return &m.frames[len(m.frames)-1] }

// depth is the height of the tree if the text ended here: open frames are inside each other, so they add up.
func (m *depthMeter) depth() int {
	sum := 0
	for i := range m.frames {
		sum += m.frames[i].height()
	}
	return sum
}

func (m *depthMeter) token(tokens hclsyntax.Tokens, i int) {
	t := tokens[i].Type
	if closer, counts := closing(t); closer != hclsyntax.TokenNil {
		lines := t == hclsyntax.TokenOBrace && !forFollows(tokens[i+1:])
		m.frames = append(m.frames, frame{closer: closer, counts: counts, lines: lines})
		if counts {
			m.brackets++
		}
		return
	}
	top := m.top()
	switch {
	// A closing token that does not fit is left to the parser; ignoring it can only make the count too high.
	case t == top.closer && len(m.frames) > 1:
		m.close()
	case t == hclsyntax.TokenComma, top.lines && endsLine(tokens[i]):
		top.operators, top.below = 0, 0
	case isOperator(t):
		top.operators++
	}
}

// endsLine reports whether t ends a line; the token of a # comment includes its newline.
func endsLine(t hclsyntax.Token) bool {
	return t.Type == hclsyntax.TokenNewline || t.Type == hclsyntax.TokenComment && bytes.HasSuffix(t.Bytes, []byte("\n"))
}

// forFollows reports whether a brace opens {for ...}, in which newlines mean nothing.
func forFollows(tokens hclsyntax.Tokens) bool {
	for _, t := range tokens {
		if t.Type != hclsyntax.TokenNewline && t.Type != hclsyntax.TokenComment {
			return t.Type == hclsyntax.TokenIdent && string(t.Bytes) == "for"
		}
	}
	return false
}

func (m *depthMeter) close() {
	top := *m.top()
	m.frames = m.frames[:len(m.frames)-1]
	if top.counts {
		m.brackets--
	}
	parent := m.top()
	parent.below = max(parent.below, top.height())
	if top.closer == hclsyntax.TokenCBrack {
		parent.operators++ // an index: f()[x][y] is a tree of height 3
	}
}

// directive counts the template directives %{if}, %{for} and their ends: the template parser recurses over them.
func (m *depthMeter) directive(name string) {
	if len(m.frames) < 2 {
		return
	}
	template := &m.frames[len(m.frames)-2]
	switch name {
	case "if", "for":
		template.directives++
	case "endif", "endfor":
		template.below = max(template.below, template.directives)
		template.directives = max(0, template.directives-1)
	}
}

func closing(t hclsyntax.TokenType) (closer hclsyntax.TokenType, counts bool) {
	switch t {
	case hclsyntax.TokenOParen:
		return hclsyntax.TokenCParen, true
	case hclsyntax.TokenOBrack:
		return hclsyntax.TokenCBrack, true
	case hclsyntax.TokenOBrace:
		return hclsyntax.TokenCBrace, true
	case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		return hclsyntax.TokenTemplateSeqEnd, true
	case hclsyntax.TokenOQuote:
		return hclsyntax.TokenCQuote, false
	case hclsyntax.TokenOHeredoc:
		return hclsyntax.TokenCHeredoc, false
	}
	return hclsyntax.TokenNil, false
}

func isOperator(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenQuestion, hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenPlus, hclsyntax.TokenStar,
		hclsyntax.TokenSlash, hclsyntax.TokenPercent, hclsyntax.TokenAnd, hclsyntax.TokenOr,
		hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
		hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq:
		return true
	}
	return false
}
