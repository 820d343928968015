package source

import (
	"errors"
	"strconv"

	"github.com/pointsman/pointsman/core/jsondoc"
)

// maxJSONMembers limits the members of an object that a source decodes. A body that exceeds it is quarantined.
const maxJSONMembers = 1024

// Reasons of Undecodable of ReadObject, Members and Elements.
const (
	ReasonInvalidUTF8    = jsondoc.InvalidUTF8
	ReasonNotJSON        = jsondoc.NotJSON
	ReasonNotObject      = "not_object"
	ReasonNotArray       = "not_array"
	ReasonTooDeep        = jsondoc.TooDeep
	ReasonTooManyMembers = "too_many_members"
	ReasonDuplicateKey   = jsondoc.DuplicateKey
	ReasonNumberRange    = jsondoc.NumberRange
)

// JSONReasons returns these reasons but ReasonNotArray, which ReadObject never has.
func JSONReasons() []string {
	return []string{ReasonInvalidUTF8, ReasonNotJSON, ReasonNotObject, ReasonTooDeep, ReasonTooManyMembers, ReasonDuplicateKey, ReasonNumberRange}
}

// Undecodable is the error of an authentic body that has no meaning to its source. The event is quarantined.
type Undecodable struct {
	// Reason is one word of a small fixed set; it labels a metric.
	Reason string
	// Detail says where and what, without repeating the sender's bytes.
	Detail string
}

// Error returns reason and detail.
func (e *Undecodable) Error() string { return e.Reason + ": " + e.Detail }

// Kinds of Member.
const (
	JSONString = jsondoc.String
	JSONNumber = jsondoc.Number
	JSONBool   = jsondoc.Bool
	JSONNull   = jsondoc.Null
	JSONObject = jsondoc.Object
	JSONArray  = jsondoc.Array
)

// Member is one member of a JSON object, or one element of an array, which has no name. Its strings share memory with the
// text read.
type Member struct {
	// Name is unescaped. Names are compared as they are: unlike encoding/json, case matters.
	Name string
	// Kind is one of JSONString, JSONNumber, ...
	Kind jsondoc.Kind
	// RawName and Raw are name and value as the sender wrote them.
	RawName, Raw string

	doc *jsondoc.Document
	at  jsondoc.Node
}

// Scalar returns the member's value as text: strings unescaped, numbers and booleans as written. ok is false for null,
// objects and arrays.
func (m *Member) Scalar() (text string, ok bool) {
	switch m.Kind {
	case JSONString:
		return m.doc.Text(m.at), true
	case JSONNumber, JSONBool:
		return m.Raw, true
	}
	return "", false
}

// Members appends the members of an object to members, in order. The text is not parsed again. The error is *Undecodable.
func (m *Member) Members(members []Member) ([]Member, error) {
	if m.Kind != JSONObject {
		return nil, &Undecodable{Reason: ReasonNotObject, Detail: "JSON but not an object"}
	}
	count := 0
	for name, v := range m.doc.Members(m.at) {
		if count++; count > maxJSONMembers {
			return nil, tooMany(maxJSONMembers, "members")
		}
		members = append(members, Member{
			Name: m.doc.Text(name), Kind: m.doc.Kind(v), RawName: m.doc.Raw(name), Raw: m.doc.Raw(v), doc: m.doc, at: v,
		})
	}
	return members, nil
}

// Elements returns the elements of an array, in order. More than limit are too many. The error is *Undecodable.
func (m *Member) Elements(limit int) ([]Member, error) {
	if m.Kind != JSONArray {
		return nil, &Undecodable{Reason: ReasonNotArray, Detail: "JSON but not an array"}
	}
	var elements []Member
	for v := range m.doc.Elements(m.at) {
		if len(elements) >= limit {
			return nil, tooMany(limit, "elements")
		}
		elements = append(elements, Member{Kind: m.doc.Kind(v), Raw: m.doc.Raw(v), doc: m.doc, at: v})
	}
	return elements, nil
}

func tooMany(limit int, what string) error {
	return &Undecodable{Reason: ReasonTooManyMembers, Detail: "more than " + strconv.Itoa(limit) + " " + what}
}

// ReadObject parses text, which is a JSON object, and appends its members to members, in order. The error is *Undecodable.
func ReadObject(text string, members []Member) ([]Member, error) {
	root, err := readJSON(text)
	if err != nil {
		return nil, err
	}
	return root.Members(members)
}

func readJSON(text string) (*Member, error) {
	doc := &jsondoc.Document{}
	if err := doc.Parse(text); err != nil {
		detail, _ := errors.AsType[*jsondoc.Error](err) // Parse returns no other
		return nil, &Undecodable{Reason: detail.Reason, Detail: detail.Error()}
	}
	return &Member{Kind: doc.Kind(jsondoc.Root), Raw: doc.Raw(jsondoc.Root), doc: doc}, nil
}
