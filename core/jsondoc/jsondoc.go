// Package jsondoc reads JSON texts (RFC 8259) that come from outside, for sources and rules alike.
//
// It is strict, so that no two readers of one text can understand it differently: UTF-8 and paired surrogates only, no name
// twice in an object, bounded depth, and numbers that can be computed with at a bounded cost. A leading byte order mark is
// skipped, as RFC 8259 section 8.1 allows.
package jsondoc

import (
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may nest.
const MaxDepth = 64

// Reasons of Error. They label metrics.
const (
	InvalidUTF8  = "invalid_utf8"
	NotJSON      = "not_json"
	TooDeep      = "too_deep"
	DuplicateKey = "duplicate_key"
	NumberRange  = "number_range"
)

// Error is the error of a text that cannot be read. It never repeats bytes of the text, which may be secret.
type Error struct {
	// Reason is one of the constants above.
	Reason string
	What   string
	// Offset counts bytes from the start of the text.
	Offset int
}

// Error returns what is wrong and where.
func (e *Error) Error() string { return fmt.Sprintf("%s at byte %d", e.What, e.Offset) }

// Kind is the type of a value.
type Kind uint8

// The kinds of JSON values.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Document is a parsed text. Its nodes lie in one slice in the order they are written, so parsing allocates nothing for a
// value, and the memory is used again by the next Parse. It may be read concurrently, but not while it is parsed.
type Document struct {
	text  string
	nodes []node
	pos   int
	// names is scratch memory for finding a name that occurs twice.
	names []name
}

// Node identifies a value, or the name of a member. Root is the outermost value.
type Node int32

// Root is the outermost value of a document.
const Root Node = 0

// node is a value, or the name of a member, which stands before its value.
type node struct {
	kind       Kind
	escaped    bool
	start, end int32 // in text, quotes included
	next       Node  // the node after this one and all that it contains
}

// Parse reads text and replaces what d held. On an error, which is an *Error, d holds nothing.
func (d *Document) Parse(text string) error {
	d.text, d.nodes, d.pos = text, d.nodes[:0], 0
	if d.nodes == nil {
		const bytesPerNode = 16 // of usual texts
		d.nodes = make([]node, 0, len(text)/bytesPerNode+8)
	}
	err := d.parse()
	if err != nil {
		d.Reset()
	}
	return err
}

func (d *Document) parse() error {
	if !utf8.ValidString(d.text) {
		return &Error{Reason: InvalidUTF8, What: "invalid UTF-8", Offset: validPrefix(d.text)}
	}
	if strings.HasPrefix(d.text, "\ufeff") {
		d.pos = len("\ufeff")
	}
	if err := d.value(0); err != nil {
		return err
	}
	if d.skipSpace(); d.pos < len(d.text) {
		return d.notJSON("text after the end of the value")
	}
	return nil
}

func validPrefix(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return len(s)
}

// Reset drops the text and keeps the memory.
func (d *Document) Reset() {
	d.text, d.nodes = "", d.nodes[:0]
}

// Shrink gives memory for more than n nodes back.
func (d *Document) Shrink(n int) {
	if cap(d.nodes) > n {
		d.nodes = nil
	}
	if cap(d.names) > n {
		d.names = nil
	}
}

// Kind returns the type of a value. A name is a String.
func (d *Document) Kind(n Node) Kind { return d.nodes[n].kind }

// Raw returns a value or name as written. It shares memory with the text.
func (d *Document) Raw(n Node) string { return d.text[d.nodes[n].start:d.nodes[n].end] }

// Size returns how many nodes n consists of, itself and its names included.
func (d *Document) Size(n Node) int { return int(d.nodes[n].next - n) }

// Text returns an unescaped string or name. It shares memory with the text unless something is escaped.
func (d *Document) Text(n Node) string {
	raw := d.Raw(n)
	raw = raw[1 : len(raw)-1]
	if !d.nodes[n].escaped {
		return raw
	}
	return unescape(raw)
}

// Elements iterates over the values of an array.
func (d *Document) Elements(array Node) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for i, end := array+1, d.nodes[array].next; i < end; i = d.nodes[i].next {
			if !yield(i) {
				return
			}
		}
	}
}

// Members iterates over the names and values of an object, in the order they are written.
func (d *Document) Members(object Node) iter.Seq2[Node, Node] {
	return func(yield func(name, value Node) bool) {
		for i, end := object+1, d.nodes[object].next; i < end; i = d.nodes[i+1].next {
			if !yield(i, i+1) {
				return
			}
		}
	}
}
