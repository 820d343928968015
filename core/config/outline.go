package config

import (
	"regexp"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Outline is what a file is made of, for editors: blocks, attributes and texts with their places, without values. It is read from
// the tokens alone, so that a file that is being written has one too. Places are offsets of bytes.
type Outline struct {
	// Root is the file as a block without a name.
	Root *OutlineBlock
	text []byte
	// quotes and comments are where no code is: the ends exclude ${ } within quotes.
	quotes, comments []span
}

// OutlineBlock is a block, or the file.
type OutlineBlock struct {
	Type   Word
	Labels []Word
	// Start is where the block begins; Open and End enclose its body.
	Start, Open, End int
	Attributes       []OutlineAttribute
	Blocks           []*OutlineBlock
}

// OutlineAttribute is `name = value`.
type OutlineAttribute struct {
	Name Word
	// Start and End enclose the value.
	Start, End int
	// Texts are the quoted strings in the value, without templates.
	Texts []Word
}

// Word is text at a place; quotes are not part of it.
type Word struct {
	Text       string
	Start, End int
}

type span struct{ start, end int }

func (s span) holds(offset int) bool { return s.start <= offset && offset <= s.end }

// Has reports whether the place is in the word or at its end.
func (w Word) Has(offset int) bool { return span{w.Start, w.End}.holds(offset) }

// ReadOutline reads text within the limits of configuration files. Of text beyond them it returns an empty outline.
func ReadOutline(text []byte) *Outline {
	o := &Outline{Root: &OutlineBlock{End: len(text)}, text: text}
	if _, diag := checkBytes("", text); diag != nil {
		return o
	}
	tokens, _ := hclsyntax.LexConfig(text, "", hcl.InitialPos) // a token is an error in itself where there is one
	s := outliner{o: o, tokens: tokens}
	s.body(o.Root, 0)
	return o
}

// outliner reads tokens one after the other.
type outliner struct {
	o      *Outline
	tokens hclsyntax.Tokens
	at     int
	// last is the end of the token that was read last.
	last int
	// repeats is how often the rest was read again.
	repeats int
}

func (s *outliner) more() bool {
	return s.at < len(s.tokens) && s.tokens[s.at].Type != hclsyntax.TokenEOF
}

func (s *outliner) peek() hclsyntax.TokenType { return s.tokens[min(s.at, len(s.tokens)-1)].Type }

func (s *outliner) next() hclsyntax.Token {
	t := s.tokens[s.at]
	s.at++
	s.last = t.Range.End.Byte
	if t.Type == hclsyntax.TokenComment {
		s.o.comments = append(s.o.comments, span{t.Range.Start.Byte, t.Range.End.Byte - 1})
	}
	return t
}

func word(t hclsyntax.Token) Word {
	return Word{Text: string(t.Bytes), Start: t.Range.Start.Byte, End: t.Range.End.Byte}
}

// body reads what is between the braces of a block, and the brace that closes it. Blocks beyond the limit of depth are skipped.
func (s *outliner) body(b *OutlineBlock, depth int) {
	for s.more() {
		t := s.next()
		switch {
		case t.Type == hclsyntax.TokenCBrace && depth > 0:
			b.End = t.Range.Start.Byte
			return
		case t.Type == hclsyntax.TokenIdent && s.peek() == hclsyntax.TokenEqual:
			b.Attributes = append(b.Attributes, s.attribute(word(t)))
		case t.Type == hclsyntax.TokenIdent && depth < maxBrackets:
			if inner := s.block(word(t), depth); inner != nil {
				b.Blocks = append(b.Blocks, inner)
			}
		}
	}
	b.End = len(s.o.text)
}

// block reads labels and a body. A header without a body is a block that is being written; a lone word is none, and nil.
func (s *outliner) block(name Word, depth int) *OutlineBlock {
	b := &OutlineBlock{Type: name, Start: name.Start}
	for s.more() {
		switch t := s.tokens[s.at]; t.Type {
		case hclsyntax.TokenOQuote:
			b.Labels = append(b.Labels, s.quoted())
		case hclsyntax.TokenIdent:
			b.Labels = append(b.Labels, word(s.next()))
		case hclsyntax.TokenOBrace:
			s.next()
			b.Open = t.Range.End.Byte
			s.body(b, depth+1)
			return b
		default:
			return b.header(t.Range.Start.Byte)
		}
	}
	return b.header(len(s.o.text))
}

// header is a block that ends at an offset, where its body would begin.
func (b *OutlineBlock) header(end int) *OutlineBlock {
	if len(b.Labels) == 0 {
		return nil
	}
	b.Open, b.End = end, end
	return b
}

// quoted reads a string. Its text is that up to the first ${ }.
func (s *outliner) quoted() Word {
	open := s.next()
	w := Word{Start: open.Range.End.Byte, End: open.Range.End.Byte}
	whole := span{w.Start, w.End}
	for level := 0; s.more(); {
		t := s.next()
		switch t.Type {
		case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit:
			if level == 0 && w.End == t.Range.Start.Byte {
				w.Text, w.End = w.Text+string(t.Bytes), t.Range.End.Byte
			}
		case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			if level == 0 {
				s.o.quotes = append(s.o.quotes, span{whole.start, t.Range.Start.Byte})
			}
			level++
		case hclsyntax.TokenTemplateSeqEnd:
			if level--; level == 0 {
				whole.start = t.Range.End.Byte
			}
		case hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			if level == 0 {
				s.o.quotes = append(s.o.quotes, span{whole.start, t.Range.Start.Byte})
				return w
			}
		case hclsyntax.TokenQuotedNewline:
			if level == 0 && open.Type == hclsyntax.TokenOQuote && s.again(t.Range.Start) {
				s.o.quotes = append(s.o.quotes, span{whole.start, t.Range.Start.Byte})
				return w
			}
		}
	}
	s.o.quotes = append(s.o.quotes, span{whole.start, len(s.o.text)})
	return w
}

// again reads the text from a newline on once more, because a quote that is not closed ends with its line. It returns false when it
// has done so too often.
func (s *outliner) again(newline hcl.Pos) bool {
	const most = 20
	if s.repeats++; s.repeats > most {
		return false
	}
	s.tokens, _ = hclsyntax.LexConfig(s.o.text[newline.Byte:], "", newline)
	s.at = 0
	return true
}

// attribute reads a value up to the end of its line, or of its brackets.
func (s *outliner) attribute(name Word) OutlineAttribute {
	equal := s.next()
	a := OutlineAttribute{Name: name, Start: equal.Range.End.Byte, End: equal.Range.End.Byte}
	for level := 0; s.more(); {
		t := s.tokens[s.at]
		switch t.Type {
		case hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			w := s.quoted()
			a.End = s.last
			if t.Type == hclsyntax.TokenOQuote {
				a.Texts = append(a.Texts, w)
			}
			continue
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen:
			level++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen:
			if level == 0 {
				a.End = t.Range.Start.Byte
				return a // it closes the block
			}
			level--
		case hclsyntax.TokenNewline:
			if level == 0 {
				a.End = t.Range.Start.Byte
				return a
			}
		case hclsyntax.TokenComment:
			if level == 0 && len(t.Bytes) > 0 && t.Bytes[len(t.Bytes)-1] == '\n' {
				a.End = t.Range.Start.Byte
				return a
			}
		}
		a.End = s.next().Range.End.Byte
	}
	a.End = len(s.o.text)
	return a
}

// Place is what is known about a place in a file.
type Place struct {
	// Blocks are those around the place, the outermost first, without the file itself.
	Blocks []*OutlineBlock
	// Attribute is the one whose value the place is in.
	Attribute *OutlineAttribute
	// Label is the index of the label of the last block that the place is in; -1: none.
	Label int
	// Quoted is whether the place is in a text, and not in a ${ } of it. Nothing is completed in a Comment.
	Quoted, Comment bool
	// Name is the name around the place, with what stands before its last dot: "event.data.object.key". Start is where it begins, Prefix
	// is its part before the place.
	Name, Prefix string
	Start        int
}

var (
	nameBefore = regexp.MustCompile(`[\p{L}_][\p{L}\p{N}_-]*(\.[\p{L}\p{N}_-]*)*$`)
	nameAfter  = regexp.MustCompile(`^[\p{L}\p{N}_-]*`)
)

// maxName bounds how far a name is looked for.
const maxName = 1000

// At describes a place.
func (o *Outline) At(offset int) Place {
	offset = max(0, min(offset, len(o.text)))
	p := Place{Label: -1}
	before := o.text[max(0, offset-maxName):offset]
	p.Prefix = string(nameBefore.Find(before))
	p.Name, p.Start = p.Prefix+string(nameAfter.Find(o.text[offset:min(len(o.text), offset+maxName)])), offset-len(p.Prefix)
	p.Quoted, p.Comment = holds(o.quotes, offset), holds(o.comments, offset-1)
	for b := o.Root; b != nil; {
		for i := range b.Attributes {
			if a := &b.Attributes[i]; a.Start <= offset && offset <= a.End {
				p.Attribute = a
			}
		}
		inner := b.blockAt(offset)
		if inner != nil {
			p.Blocks = append(p.Blocks, inner)
			for i, label := range inner.Labels {
				if label.Has(offset) {
					p.Label = i
				}
			}
			if offset < inner.Open {
				return p // in the header
			}
		}
		b = inner
	}
	return p
}

func (b *OutlineBlock) blockAt(offset int) *OutlineBlock {
	for _, inner := range b.Blocks {
		if inner.Start <= offset && offset <= inner.End {
			return inner
		}
	}
	return nil
}

func holds(spans []span, offset int) bool {
	for _, s := range spans {
		if s.holds(offset) {
			return true
		}
	}
	return false
}
