package rule

import (
	"slices"
	"unsafe"

	"github.com/pointsman/pointsman/core/jsondoc"
)

// jsonPath leads to a value inside a JSON document of an event. The paths that the rules for one kind of event read form a tree
// for each document. One walk over a document finds the values of all of them.
type jsonPath struct {
	event *eventType
	doc   int   // index of the document in frame.docs
	docs  []int // doc alone; shared by all paths of the document
	slot  int   // index of the value in frame.slots
	// children are the paths that are one step longer, by that step: the name of a member, or the index of an element as text.
	children map[string]*jsonPath
	// elements are those of the children that are elements where the value is a list, by increasing index.
	elements []*jsonPath
	index    int64 // of a path in elements
}

// newPath returns the path of a document as a whole.
func (t *eventType) newPath(doc int) *jsonPath {
	t.slots++
	return &jsonPath{event: t, doc: doc, docs: []int{doc}, slot: t.slots - 1}
}

// child returns the path that is one step longer. A step that is a number leads to an element if the value is a list; every step leads
// to a member if it is an object.
func (p *jsonPath) child(step string) *jsonPath {
	if found := p.children[step]; found != nil {
		return found
	}
	if p.children == nil {
		p.children = map[string]*jsonPath{}
	}
	p.event.slots++
	c := &jsonPath{event: p.event, doc: p.doc, docs: p.docs, slot: p.event.slots - 1}
	p.children[step] = c
	if n, ok := parseNumber(step); ok && n.isInt() && n.whole >= 0 {
		c.index = n.whole
		p.elements = append(p.elements, c)
		slices.SortFunc(p.elements, func(a, b *jsonPath) int { return order(a.index < b.index, a.index > b.index) })
	}
	return c
}

// find notes the node of each value on the path and below it.
func (f *frame) find(d *document, n jsondoc.Node, p *jsonPath) {
	f.slots[p.slot] = int32(n) + 1
	f.found = append(f.found, int32(p.slot))
	switch d.Kind(n) {
	case jsondoc.Object:
		f.findMembers(d, n, p)
	case jsondoc.Array:
		f.findElements(d, n, p)
	}
}

func (f *frame) findMembers(d *document, n jsondoc.Node, p *jsonPath) {
	left := len(p.children)
	if left == 0 {
		return
	}
	for name, v := range d.Members(n) {
		c := p.children[d.Text(name)]
		if c == nil {
			continue
		}
		f.find(d, v, c)
		if left--; left == 0 {
			return
		}
	}
}

func (f *frame) findElements(d *document, n jsondoc.Node, p *jsonPath) {
	wanted, i := p.elements, int64(0)
	if len(wanted) == 0 {
		return
	}
	for v := range d.Elements(n) {
		for len(wanted) > 0 && wanted[0].index == i { // "1" and "1.0" are the same element
			f.find(d, v, wanted[0])
			wanted = wanted[1:]
		}
		if i++; len(wanted) == 0 {
			return
		}
	}
}

// read returns the value at a path; null when it is missing.
func (f *frame) read(p *jsonPath) value {
	d := f.document(p.doc)
	if d == nil || f.slots[p.slot] == 0 {
		return value{}
	}
	return d.get(jsondoc.Node(f.slots[p.slot] - 1))
}

// document returns a document with the values of all paths found, or nil after a failure.
func (f *frame) document(i int) *document {
	if !f.data.IsValid() {
		f.fail(nil, noData)
		return nil
	}
	d := &f.docs[i]
	if !d.parsed {
		f.parse(i)
	}
	if d.err != nil {
		f.fail(nil, "the event's JSON cannot be read: %s", d.err)
		return nil
	}
	return &d.document
}

// parse reads a document. One that the event does not have is empty: all its values are missing.
func (f *frame) parse(i int) {
	d, field := &f.docs[i], &f.event.documents[i]
	d.parsed, d.err = true, nil
	text := field.text(f)
	if len(text) == 0 {
		return
	}
	// The text is not copied: nothing that is read from it outlives the frame, and nobody changes an event that is matched.
	if d.err = d.Parse(unsafe.String(&text[0], len(text))); d.err == nil {
		f.find(&d.document, jsondoc.Root, field.root)
	}
}
