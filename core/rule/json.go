package rule

import (
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep arrays and objects may nest in JSON. Sources allow less.
const maxDepth = 1000

// document is a parsed JSON text. Reading it allocates nothing: its nodes lie in one slice in the order they are written, a
// member's name before its value, and strings are parts of the text.
type document struct {
	text  string
	nodes []node
	pos   int
	// looked counts the nodes visited by lookups; it feeds the budget of a rule.
	looked int
}

// node is one value or one member's name.
type node struct {
	kind       kind
	escaped    bool
	start, end int32 // in text, with quotes
	next       int32 // the node after this one and all that it holds
}

var errJSON = errors.New("text that is not JSON")

// parse reads text (RFC 8259), replacing what d held. Memory of the previous text is used again.
func (d *document) parse(data []byte) error {
	d.text, d.nodes, d.pos = string(data), d.nodes[:0], 0
	if !utf8.ValidString(d.text) {
		d.text = strings.ToValidUTF8(d.text, "\uFFFD")
	}
	if err := d.value(0); err != nil {
		return err
	}
	if d.skipSpace(); d.pos != len(d.text) {
		return errJSON
	}
	return nil
}

func (d *document) skipSpace() {
	for d.pos < len(d.text) {
		switch d.text[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// peek returns the next byte that is not space, 0 at the end.
func (d *document) peek() byte {
	d.skipSpace()
	if d.pos == len(d.text) {
		return 0
	}
	return d.text[d.pos]
}

func (d *document) value(depth int) error {
	at := len(d.nodes)
	c := d.peek()
	d.nodes = append(d.nodes, node{start: int32(d.pos)})
	k, err := numeric, error(nil)
	switch c {
	case '{':
		k, err = object, d.composite('}', depth+1)
	case '[':
		k, err = list, d.composite(']', depth+1)
	case '"':
		k, err = text, d.string(at)
	case 't':
		k, err = boolean, d.word("true")
	case 'f':
		k, err = boolean, d.word("false")
	case 'n':
		k, err = null, d.word("null")
	default:
		err = d.number()
	}
	n := &d.nodes[at]
	n.kind, n.end, n.next = k, int32(d.pos), int32(len(d.nodes))
	return err
}

// composite reads an array or object up to its closing bracket.
func (d *document) composite(closing byte, depth int) error {
	if d.pos++; depth > maxDepth {
		return errors.New("JSON that nests too deep")
	}
	if d.peek() == closing {
		d.pos++
		return nil
	}
	for {
		if closing == '}' {
			if err := d.name(); err != nil {
				return err
			}
		}
		if err := d.value(depth); err != nil {
			return err
		}
		c := d.peek()
		if d.pos++; c == closing {
			return nil
		}
		if c != ',' {
			return errJSON
		}
	}
}

func (d *document) name() error {
	if d.peek() != '"' {
		return errJSON
	}
	at := len(d.nodes)
	d.nodes = append(d.nodes, node{kind: text, start: int32(d.pos)})
	if err := d.string(at); err != nil {
		return err
	}
	n := &d.nodes[at]
	n.end, n.next = int32(d.pos), int32(at+1)
	if d.peek() != ':' {
		return errJSON
	}
	d.pos++
	return nil
}

func (d *document) string(at int) error {
	for d.pos++; d.pos < len(d.text); d.pos++ {
		switch c := d.text[d.pos]; {
		case c == '"':
			d.pos++
			return nil
		case c == '\\':
			d.nodes[at].escaped = true
			if d.pos++; !d.escape() {
				return errJSON
			}
		case c < ' ':
			return errJSON
		}
	}
	return errJSON
}

// escape checks what follows a backslash and stands on its last byte then.
func (d *document) escape() bool {
	if d.pos >= len(d.text) {
		return false
	}
	if d.text[d.pos] != 'u' {
		return strings.IndexByte(`"\/bfnrt`, d.text[d.pos]) >= 0
	}
	for range 4 {
		d.pos++
		if d.pos >= len(d.text) || !isHex(d.text[d.pos]) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func (d *document) word(w string) error {
	if !strings.HasPrefix(d.text[d.pos:], w) {
		return errJSON
	}
	d.pos += len(w)
	return nil
}

func (d *document) number() error {
	d.accept("-")
	if !d.accept("0") && !d.digits() {
		return errJSON
	}
	if d.accept(".") && !d.digits() {
		return errJSON
	}
	if d.accept("eE") {
		d.accept("+-")
		if !d.digits() {
			return errJSON
		}
	}
	return nil
}

func (d *document) accept(any string) bool {
	if d.pos < len(d.text) && strings.IndexByte(any, d.text[d.pos]) >= 0 {
		d.pos++
		return true
	}
	return false
}

func (d *document) digits() bool {
	start := d.pos
	for d.pos < len(d.text) && d.text[d.pos] >= '0' && d.text[d.pos] <= '9' {
		d.pos++
	}
	return d.pos > start
}

// get is the value of node i. A number beyond float64 is a string: it cannot be computed with, but it is not lost.
func (d *document) get(i int) value {
	n := &d.nodes[i]
	switch n.kind {
	case boolean:
		return boolValue(d.text[n.start] == 't')
	case numeric:
		s := d.text[n.start:n.end]
		if num, ok := parseNumber(s); ok {
			return numberValue(num)
		}
		return textValue(s)
	case text:
		return textValue(d.unquote(n))
	case list, object:
		return value{kind: n.kind, num: number{bits: uint64(i)}, ref: d}
	}
	return value{}
}

func (d *document) unquote(n *node) string {
	if !n.escaped {
		return d.text[n.start+1 : n.end-1]
	}
	var s string
	// It cannot fail: the escapes were checked, and a lone surrogate becomes U+FFFD.
	_ = json.Unmarshal([]byte(d.text[n.start:n.end]), &s)
	return s
}

// member returns the last member of that name, as other JSON readers do.
func (d *document) member(at int, name string) (found value) {
	last := -1
	for i, end := at+1, int(d.nodes[at].next); i < end; i = int(d.nodes[i+1].next) {
		if n := &d.nodes[i]; d.unquote(n) == name {
			last = i + 1
		}
		d.looked++
	}
	if last < 0 {
		return value{}
	}
	return d.get(last)
}

func (d *document) at(at int, index int64) (value, bool) {
	for i, end := at+1, int(d.nodes[at].next); i < end && index >= 0; i = int(d.nodes[i].next) {
		if index == 0 {
			return d.get(i), true
		}
		index--
		d.looked++
	}
	return value{}, false
}

func (d *document) elements(at int) iter.Seq[value] {
	return func(yield func(value) bool) {
		for i, end := at+1, int(d.nodes[at].next); i < end; i = int(d.nodes[i].next) {
			d.looked++
			if !yield(d.get(i)) {
				return
			}
		}
	}
}

func (d *document) members(at int) *record {
	var names []string
	var values []value
	for i, end := at+1, int(d.nodes[at].next); i < end; i = int(d.nodes[i+1].next) {
		names, values = append(names, d.unquote(&d.nodes[i])), append(values, d.get(i+1))
		d.looked++
	}
	return objectValue(names, values).ref.(*record)
}
