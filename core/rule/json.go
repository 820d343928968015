package rule

import (
	"iter"

	"github.com/pointsman/pointsman/core/jsondoc"
)

// document is a JSON text of the event. Its values are read from it when a rule needs them.
type document struct {
	jsondoc.Document
	// lookups is the counter of the frame for nodes visited by lookups; it feeds the budget of a rule.
	lookups *int
}

// get returns the value of a node.
func (d *document) get(n jsondoc.Node) value {
	switch d.Kind(n) {
	case jsondoc.Bool:
		return boolValue(d.Raw(n) == "true")
	case jsondoc.Number:
		num, _ := parseNumber(d.Raw(n)) // jsondoc has checked it
		if num.big != nil {
			*d.lookups += bigWork / lookWork
		}
		return numberValue(num)
	case jsondoc.String:
		return textValue(d.Text(n))
	case jsondoc.Array:
		return value{kind: list, num: intNumber(int64(n)), ref: d}
	case jsondoc.Object:
		return value{kind: object, num: intNumber(int64(n)), ref: d}
	}
	return value{}
}

func (d *document) member(at jsondoc.Node, name string) value {
	for n, v := range d.Members(at) {
		*d.lookups++
		if d.Text(n) == name {
			return d.get(v)
		}
	}
	return value{}
}

func (d *document) at(at jsondoc.Node, index int64) (value, bool) {
	for n := range d.Elements(at) {
		if index <= 0 {
			return d.get(n), index == 0
		}
		index--
		*d.lookups++
	}
	return value{}, false
}

func (d *document) elements(at jsondoc.Node) iter.Seq[value] {
	return func(yield func(value) bool) {
		for n := range d.Elements(at) {
			*d.lookups++
			if !yield(d.get(n)) {
				return
			}
		}
	}
}

func (d *document) members(at jsondoc.Node) *record {
	var names []string
	var values []value
	for n, v := range d.Members(at) {
		names, values = append(names, d.Text(n)), append(values, d.get(v))
		*d.lookups++
	}
	return objectValue(names, values).ref.(*record)
}

// append writes a value without the white space between its tokens.
func (d *document) append(buf []byte, at jsondoc.Node) []byte {
	switch d.Kind(at) {
	case jsondoc.Array:
		buf = append(buf, '[')
		for n := range d.Elements(at) {
			buf = append(d.append(buf, n), ',')
		}
		return closeWith(buf, ']')
	case jsondoc.Object:
		buf = append(buf, '{')
		for n, v := range d.Members(at) {
			buf = append(append(buf, d.Raw(n)...), ':')
			buf = append(d.append(buf, v), ',')
		}
		return closeWith(buf, '}')
	}
	return append(buf, d.Raw(at)...)
}
