package jsondoc

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

func (d *Document) fail(reason, what string) error {
	return &Error{Reason: reason, What: what, Offset: d.pos}
}

func (d *Document) notJSON(what string) error { return d.fail(NotJSON, what) }

// peek returns the next byte, 0 at the end.
func (d *Document) peek() byte {
	if d.pos < len(d.text) {
		return d.text[d.pos]
	}
	return 0
}

func (d *Document) skipSpace() {
	text, pos := d.text, d.pos
	for pos < len(text) && text[pos] <= ' ' && isSpace(text[pos]) {
		pos++
	}
	d.pos = pos
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// accept passes the next byte if it is c.
func (d *Document) accept(c byte) bool {
	if d.peek() != c {
		return false
	}
	d.pos++
	return true
}

// value reads a value that is inside depth arrays and objects.
func (d *Document) value(depth int) error {
	d.skipSpace()
	at := len(d.nodes)
	d.nodes = append(d.nodes, node{start: int32(d.pos)})
	kind, err := d.content(at, depth)
	n := &d.nodes[at]
	n.kind, n.end, n.next = kind, int32(d.pos), Node(len(d.nodes))
	return err
}

func (d *Document) content(at, depth int) (Kind, error) {
	switch d.peek() {
	case '{':
		return Object, d.object(at, depth+1)
	case '[':
		return Array, d.array(depth + 1)
	case '"':
		return String, d.str(at)
	case 't':
		return Bool, d.word("true")
	case 'f':
		return Bool, d.word("false")
	case 'n':
		return Null, d.word("null")
	}
	return Number, d.number()
}

func (d *Document) word(w string) error {
	if !strings.HasPrefix(d.text[d.pos:], w) {
		return d.notJSON("no value")
	}
	d.pos += len(w)
	return nil
}

func (d *Document) array(depth int) error {
	more, err := d.open(']', depth)
	for more && err == nil {
		if err = d.value(depth); err == nil {
			more, err = d.next(']')
		}
	}
	return err
}

func (d *Document) object(at, depth int) error {
	more, err := d.open('}', depth)
	for more && err == nil {
		if err = d.name(); err != nil {
			return err
		}
		if err = d.value(depth); err == nil {
			more, err = d.next('}')
		}
	}
	if err != nil {
		return err
	}
	return d.unique(Node(at))
}

// open passes a bracket. It returns false if nothing is in it.
func (d *Document) open(closing byte, depth int) (bool, error) {
	if depth > MaxDepth {
		return false, d.fail(TooDeep, "more than "+strconv.Itoa(MaxDepth)+" levels")
	}
	d.pos++
	d.skipSpace()
	return !d.accept(closing), nil
}

// next passes what is behind an element. It returns false at the closing bracket.
func (d *Document) next(closing byte) (bool, error) {
	d.skipSpace()
	if d.accept(',') {
		return true, nil
	}
	if d.accept(closing) {
		return false, nil
	}
	return false, d.notJSON("no comma")
}

// name reads `"name":`.
func (d *Document) name() error {
	if d.skipSpace(); d.peek() != '"' {
		return d.notJSON("no member name")
	}
	at := len(d.nodes)
	d.nodes = append(d.nodes, node{kind: String, start: int32(d.pos), next: Node(at + 1)})
	if err := d.str(at); err != nil {
		return err
	}
	d.nodes[at].end = int32(d.pos)
	if d.skipSpace(); !d.accept(':') {
		return d.notJSON("no colon")
	}
	return nil
}

// name is the unescaped name of a member.
type name struct {
	text string
	at   Node
}

// unique fails if a name occurs twice in the object at n, whose last node is the last one read.
func (d *Document) unique(n Node) error {
	var seen uint64 // a bit for some property of each name: most objects need no comparison
	again := false
	for i := n + 1; int(i) < len(d.nodes); i = d.nodes[i+1].next {
		bit := uint64(1) << d.sketch(i)
		again = again || seen&bit != 0
		seen |= bit
	}
	if !again {
		return nil
	}
	for i := n + 1; int(i) < len(d.nodes); i = d.nodes[i+1].next {
		d.names = append(d.names, name{d.Text(i), i})
	}
	second, found := repeated(d.names)
	clear(d.names) // they would keep the text alive
	d.names = d.names[:0]
	if found {
		d.pos = int(d.nodes[second].start)
		return d.fail(DuplicateKey, "second member of the same name")
	}
	return nil
}

// sketch returns a number below 64 that is the same for equal names.
func (d *Document) sketch(i Node) uint {
	n := &d.nodes[i]
	if n.escaped {
		text := d.Text(i)
		return sketch(text)
	}
	return sketch(d.text[n.start+1 : n.end-1])
}

func sketch(s string) uint {
	h := uint(len(s))
	if len(s) > 0 {
		h += uint(s[0])*7 + uint(s[len(s)-1])*29 + uint(s[len(s)/2])*13
	}
	return h % 64
}

// repeated compares few names pairwise, and sorts many, which bounds the cost.
func repeated(names []name) (again Node, found bool) {
	const few = 16
	if len(names) > few {
		slices.SortFunc(names, func(a, b name) int {
			return cmp.Or(strings.Compare(a.text, b.text), cmp.Compare(a.at, b.at))
		})
		for i := 1; i < len(names); i++ {
			if names[i-1].text == names[i].text {
				return names[i].at, true
			}
		}
		return 0, false
	}
	for i, n := range names {
		for _, before := range names[:i] {
			if before.text == n.text {
				return n.at, true
			}
		}
	}
	return 0, false
}

// plain marks the bytes that a string holds as they are.
var plain = func() (table [256]bool) {
	for c := range table {
		table[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return table
}()

// str reads a string at its opening quote.
func (d *Document) str(at int) error {
	for d.pos++; ; d.pos++ {
		text, pos := d.text, d.pos
		for pos < len(text) && plain[text[pos]] {
			pos++
		}
		d.pos = pos
		switch c := d.peek(); {
		case c == '"':
			d.pos++
			return nil
		case c == '\\':
			d.nodes[at].escaped = true
			if err := d.escape(); err != nil {
				return err
			}
		case pos == len(text):
			return d.notJSON("string without an end")
		default:
			return d.notJSON("control character in a string")
		}
	}
}

// escape reads an escape sequence at its backslash and stops at its last byte.
func (d *Document) escape() error {
	d.pos++
	switch d.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
	default:
		return d.notJSON("unknown escape sequence")
	}
	r, ok := d.hex4(d.pos + 1)
	if !ok {
		return d.notJSON("escape sequence without four hexadecimal digits")
	}
	d.pos += 4
	if !utf16.IsSurrogate(r) {
		return nil
	}
	// RFC 8259 section 8.2: the meaning of a lone surrogate is unpredictable.
	if strings.HasPrefix(d.text[d.pos+1:], `\u`) {
		if low, ok := d.hex4(d.pos + 3); ok && utf16.DecodeRune(r, low) != '\uFFFD' {
			d.pos += 6
			return nil
		}
	}
	return d.fail(InvalidUTF8, "surrogate without its other half")
}

func (d *Document) hex4(at int) (rune, bool) {
	if at+4 > len(d.text) {
		return 0, false
	}
	n, err := strconv.ParseUint(d.text[at:at+4], 16, 16)
	return rune(n), err == nil
}
