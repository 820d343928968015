package rule

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/pointsman/pointsman/core/jsondoc"
)

// kind is the type of a value at run time.
type kind uint8

const (
	null kind = iota
	boolean
	numeric
	text
	list
	object
)

var kindNames = [...]string{"null", "a bool", "a number", "a string", "a list", "an object"}

func (k kind) String() string { return kindNames[k] }

// value is a value at run time. It is valid as long as its frame.
type value struct {
	kind kind
	num  number // of a numeric; of a boolean, 0 or 1; the node of a value inside a document
	str  string
	ref  any // of a list *tuple, of an object *record, of both *document
}

// tuple is a list that was computed.
type tuple struct{ items []value }

// record is an object that was computed, with its members sorted by name.
type record struct {
	names  []string
	values []value
}

func boolValue(b bool) value {
	if b {
		return value{kind: boolean, num: intNumber(1)}
	}
	return value{kind: boolean}
}

func textValue(s string) value { return value{kind: text, str: s} }

func numberValue(n number) value { return value{kind: numeric, num: n} }

func listValue(items []value) value { return value{kind: list, ref: &tuple{items}} }

// objectValue takes members in any order; of members with the same name the last wins.
func objectValue(names []string, values []value) value {
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	r := &record{}
	for _, i := range order {
		if n := len(r.names); n > 0 && r.names[n-1] == names[i] {
			r.values[n-1] = values[i]
			continue
		}
		r.names, r.values = append(r.names, names[i]), append(r.values, values[i])
	}
	return value{kind: object, ref: r}
}

func (v value) bool() bool { return v.num.whole != 0 }

// member returns null for a member that is not there, or when v has no members.
func (v value) member(name string) value {
	switch r := v.ref.(type) {
	case *record:
		if i, ok := slices.BinarySearch(r.names, name); ok {
			return r.values[i]
		}
	case *document:
		if v.kind == object {
			return r.member(v.node(), name)
		}
	}
	return value{}
}

// elements iterates over a list without building a slice.
func (v value) elements() iter.Seq[value] {
	if r, ok := v.ref.(*document); ok && v.kind == list {
		return r.elements(v.node())
	}
	return slices.Values(v.items())
}

// items returns the elements of a list.
func (v value) items() []value {
	switch r := v.ref.(type) {
	case *tuple:
		return r.items
	case *document:
		return slices.Collect(r.elements(v.node()))
	}
	return nil
}

// at returns false when a list has no such element.
func (v value) at(i int64) (value, bool) {
	if r, ok := v.ref.(*document); ok {
		return r.at(v.node(), i)
	}
	if items := v.items(); i >= 0 && i < int64(len(items)) {
		return items[i], true
	}
	return value{}, false
}

// members returns the members of an object, sorted by name.
func (v value) members() *record {
	switch r := v.ref.(type) {
	case *record:
		return r
	case *document:
		return r.members(v.node())
	}
	return &record{}
}

func (v value) node() jsondoc.Node { return jsondoc.Node(v.num.whole) }

// toBool, toNumber and toText convert as HCL does; they are false for null too.
func (v value) toBool() (b, ok bool) {
	switch {
	case v.kind == boolean:
		return v.bool(), true
	case v.kind == text && (v.str == "true" || v.str == "1"):
		return true, true
	case v.kind == text && (v.str == "false" || v.str == "0"):
		return false, true
	}
	return false, false
}

func (v value) toNumber() (number, bool) {
	switch v.kind {
	case numeric:
		return v.num, true
	case text:
		return parseNumber(v.str)
	}
	return number{}, false
}

// appendText writes the text of a string, number or bool, and nothing for anything else.
func (v value) appendText(buf []byte) []byte {
	switch v.kind {
	case text:
		return append(buf, v.str...)
	case numeric:
		return v.num.append(buf)
	case boolean:
		return strconv.AppendBool(buf, v.bool())
	}
	return buf
}

func (v value) toText() (string, bool) {
	switch v.kind {
	case text:
		return v.str, true
	case numeric:
		return v.num.String(), true
	case boolean:
		return strconv.FormatBool(v.bool()), true
	}
	return "", false
}

// equal compares by kind and content; values of different kinds are not equal.
func equal(a, b value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case boolean, numeric:
		return a.num.compare(b.num) == 0
	case text:
		return equalText(a.str, b.str)
	case list:
		return slices.EqualFunc(a.items(), b.items(), equal)
	case object:
		x, y := a.members(), b.members()
		return slices.Equal(x.names, y.names) && slices.EqualFunc(x.values, y.values, equal)
	}
	return true
}

func equalText(a, b string) bool { return a == b || normal(a) == normal(b) }

// normal returns s in normalization form C. Nearly all strings are in that form already.
func normal(s string) string {
	if isASCII(s) {
		return s
	}
	return norm.NFC.String(s)
}

func isASCII(s string) bool {
	for ; len(s) >= 8; s = s[8:] {
		if s[0]|s[1]|s[2]|s[3]|s[4]|s[5]|s[6]|s[7] >= 0x80 {
			return false
		}
	}
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// show is v in a message: JSON, shortened to fit into a line. It is written only when the message is.
type show value

func (s show) String() string {
	const limit = 80
	v := value(s)
	if v.kind == text && len(v.str) > limit {
		v.str = v.str[:limit]
		return strings.ToValidUTF8(string(appendValue(nil, v)), "") + "..."
	}
	written := string(appendValue(nil, v))
	if len(written) > limit {
		return strings.ToValidUTF8(written[:limit], "") + "..."
	}
	return written
}
