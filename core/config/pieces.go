package config

import (
	"bytes"
	"runtime"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"golang.org/x/sync/errgroup"
)

// pieceBytes is the size of the pieces that a long file is parsed in, several at once. The parser's tokens take a hundred times the
// text, so short pieces save memory; and of most of them the tokens need not be looked at before (see plain).
const pieceBytes = 4 << 10

// piece is a part of a file that ends behind a block.
type piece struct {
	text  []byte
	start hcl.Pos
	file  file // what is read from the part
	// warnings are about secrets.
	warnings hcl.Diagnostics
	ok       bool // nothing is wrong with the part
}

// parsePieces parses a long file in pieces. It returns false, and the file must be parsed as a whole, if it is short or if anything is
// wrong with a piece: what looks like the end of a block may stand inside a heredoc or a comment, whose halves cannot be parsed.
func (f *file) parsePieces(text []byte) (warnings hcl.Diagnostics, ok bool) {
	pieces := split(text)
	if len(pieces) == 1 {
		return nil, false
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range pieces {
		g.Go(func() error {
			pieces[i].parse(f)
			return nil
		})
	}
	_ = g.Wait() // nothing returns an error
	whole := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}}
	for _, p := range pieces {
		if !p.ok || len(p.file.body.Attributes) > 0 { // the whole file shows whether an attribute is written twice
			return nil, false
		}
		whole.Blocks = append(whole.Blocks, p.file.body.Blocks...)
		f.secrets, warnings = append(f.secrets, p.file.secrets...), append(warnings, p.warnings...)
	}
	f.body = whole
	return warnings[:min(len(warnings), maxSyntaxErrors)], true
}

// parse parses a piece for itself. It masks secrets in the text of f, where no other piece does.
func (p *piece) parse(f *file) {
	p.file = file{name: f.name, text: f.text, body: &hclsyntax.Body{}}
	if plain(p.text) {
		parsed, diags := hclsyntax.ParseConfig(p.text, f.name, p.start)
		p.file.body, p.ok = parsed.Body.(*hclsyntax.Body)
		p.ok = p.ok && len(diags) == 0
		return
	}
	diags, warnings, refused := p.file.parse(p.text, p.start)
	p.file.tokens = nil
	p.warnings, p.ok = warnings, refused == nil && len(diags) == 0
}

// split cuts a text behind lines that are nothing but a closing brace.
func split(text []byte) []piece {
	const end = "\n}\n"
	var pieces []piece
	start := hcl.InitialPos
	for {
		p := piece{text: text[start.Byte:], start: start}
		if len(p.text) > pieceBytes {
			if i := bytes.Index(p.text[pieceBytes:], []byte(end)); i >= 0 {
				p.text = p.text[:pieceBytes+i+len(end)]
			}
		}
		pieces = append(pieces, p)
		start.Byte += len(p.text)
		start.Line += bytes.Count(p.text, []byte{'\n'})
		if start.Byte == len(text) {
			return pieces
		}
	}
}

// plain reports whether a text can be parsed without a look at its tokens, which takes as long as parsing: it is too short to exceed a
// limit, and has nothing by which a secret could be told. It says no when in doubt.
func plain(text []byte) bool {
	const digits = 18 // a shorter number is always in range
	if len(text) > maxDepth || hasSecretHint(text) {
		return false
	}
	brackets, number := 0, 0
	for _, c := range text {
		switch {
		case '0' <= c && c <= '9' || c == '.':
			if number++; number > digits {
				return false
			}
			continue
		case number > 0 && (c == 'e' || c == 'E'):
			return false
		case c == '(' || c == '[' || c == '{':
			brackets++
		}
		number = 0
	}
	return brackets <= maxBrackets
}

// hasSecretHint reports whether a text may have anything that maskLikelySecrets and findSecrets look for.
func hasSecretHint(text []byte) bool {
	if bytes.Contains(text, []byte("env")) || bytes.Contains(text, []byte("\u017f")) { // the letter that likelySecret takes for an s
		return true
	}
	for _, s := range secretShapes {
		for _, hint := range s.hints {
			if bytes.Contains(text, []byte(hint)) {
				return true
			}
		}
	}
	lower := bytes.ToLower(text)
	return slices.ContainsFunc(secretWords, func(word string) bool { return bytes.Contains(lower, []byte(word)) })
}
