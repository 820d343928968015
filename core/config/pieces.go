package config

import (
	"bytes"
	"runtime"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"golang.org/x/sync/errgroup"
)

// pieceBytes is the size of the pieces that a long file is parsed in. The parser's tokens take a hundred times the text, so that
// pieces which fit into the caches of a CPU are parsed in half the time, and several at once.
const pieceBytes = 64 << 10

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
