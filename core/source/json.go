package source

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of a JSON text that a source decodes. What exceeds them is quarantined.
const (
	maxJSONDepth   = 64
	maxJSONMembers = 1024 // of the outermost object
)

// Reasons of Undecodable that ReadObject and ReadArray give.
const (
	ReasonInvalidUTF8    = "invalid_utf8"
	ReasonNotJSON        = "not_json"
	ReasonNotObject      = "not_object"
	ReasonNotArray       = "not_array"
	ReasonTooDeep        = "too_deep"
	ReasonTooManyMembers = "too_many_members"
	ReasonDuplicateKey   = "duplicate_key"
	ReasonNumberRange    = "number_range"
)

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
	JSONString = '"'
	JSONNumber = '0'
	JSONBool   = 't'
	JSONNull   = 'n'
	JSONObject = '{'
	JSONArray  = '['
)

// Member is one member of a JSON object, or one element of an array, which has no name. Its strings share memory with the
// text read.
type Member struct {
	// Name is unescaped. Names are compared as they are: unlike encoding/json, case matters.
	Name string
	// Kind is one of JSONString, JSONNumber, ...
	Kind byte
	// RawName and Raw are name and value as the sender wrote them.
	RawName, Raw string
}

// Scalar returns the member's value as text: strings unescaped, numbers and booleans as written. ok is false for null,
// objects and arrays.
func (m *Member) Scalar() (text string, ok bool) {
	switch m.Kind {
	case JSONString:
		return unquote(m.Raw), true
	case JSONNumber, JSONBool:
		return m.Raw, true
	}
	return "", false
}

// ReadObject appends the members of the JSON object in text to members, in order. It is strict, so that no two readers of
// one text can understand it differently: valid UTF-8 and paired surrogates only, no name twice in any object, numbers
// within the range of a float64, depth and number of members limited. The error is *Undecodable.
func ReadObject(text string, members []Member) ([]Member, error) {
	if !utf8.ValidString(text) {
		return nil, &Undecodable{Reason: ReasonInvalidUTF8, Detail: "the body is not UTF-8"}
	}
	var few [16]string // most objects need no more
	s := scanner{text: text, names: few[:0]}
	s.space()
	if s.peek() != '{' {
		if err := s.wholeValue(); err != nil {
			return nil, err
		}
		return nil, &Undecodable{Reason: ReasonNotObject, Detail: "the body is JSON but not an object"}
	}
	err := s.object(1, func(m Member) error {
		if len(members) >= maxJSONMembers {
			return s.fail(ReasonTooManyMembers, "more than "+strconv.Itoa(maxJSONMembers)+" members")
		}
		members = append(members, m)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return members, s.end()
}

// ReadArray returns the elements of the JSON array in text, in order, and is as strict as ReadObject. More elements than
// limit are too many members.
func ReadArray(text string, limit int) ([]Member, error) {
	if !utf8.ValidString(text) {
		return nil, &Undecodable{Reason: ReasonInvalidUTF8, Detail: "the array is not UTF-8"}
	}
	s := scanner{text: text}
	s.space()
	if s.peek() != '[' {
		if err := s.wholeValue(); err != nil {
			return nil, err
		}
		return nil, &Undecodable{Reason: ReasonNotArray, Detail: "JSON but not an array"}
	}
	var elements []Member
	err := s.array(1, func(m Member) error {
		if len(elements) >= limit {
			return s.fail(ReasonTooManyMembers, "more than "+strconv.Itoa(limit)+" elements")
		}
		elements = append(elements, m)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return elements, s.end()
}

// scanner reads one JSON text (RFC 8259).
type scanner struct {
	text string
	pos  int
	// names holds the names of all objects being read, innermost last.
	names []string
}

func (s *scanner) fail(reason, what string) error {
	return &Undecodable{Reason: reason, Detail: fmt.Sprintf("%s at byte %d", what, s.pos)}
}

func (s *scanner) notJSON(what string) error { return s.fail(ReasonNotJSON, what) }

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) end() error {
	s.space()
	if s.pos < len(s.text) {
		return s.notJSON("text after the end of the value")
	}
	return nil
}

func (s *scanner) wholeValue() error {
	if _, err := s.value(0); err != nil {
		return err
	}
	return s.end()
}

// value reads one value inside depth objects and arrays, and returns its kind.
func (s *scanner) value(depth int) (byte, error) {
	switch c := s.peek(); c {
	case '{':
		return JSONObject, s.object(depth+1, nil)
	case '[':
		return JSONArray, s.array(depth+1, nil)
	case '"':
		return JSONString, s.str()
	case 't':
		return JSONBool, s.literal("true")
	case 'f':
		return JSONBool, s.literal("false")
	case 'n':
		return JSONNull, s.literal("null")
	default:
		if c == '-' || '0' <= c && c <= '9' {
			return JSONNumber, s.number()
		}
	}
	return 0, s.notJSON("no value")
}

func (s *scanner) literal(word string) error {
	if !strings.HasPrefix(s.text[s.pos:], word) {
		return s.notJSON("no value")
	}
	s.pos += len(word)
	return nil
}

// object reads an object at its '{' and hands its members to each, if not nil.
func (s *scanner) object(depth int, each func(Member) error) error {
	if depth > maxJSONDepth {
		return s.fail(ReasonTooDeep, "deeper than "+strconv.Itoa(maxJSONDepth)+" levels")
	}
	outer := len(s.names)
	defer func() { s.names = s.names[:outer] }()
	var seen nameSet
	s.pos++
	for s.space(); s.peek() != '}'; s.space() {
		if len(s.names) > outer {
			if err := s.comma(); err != nil {
				return err
			}
		}
		m, err := s.member(depth)
		if err != nil {
			return err
		}
		if !seen.add(s.names[outer:], m.Name) {
			return s.fail(ReasonDuplicateKey, "second member of the same name, which ends")
		}
		s.names = append(s.names, m.Name)
		if each != nil {
			if err := each(m); err != nil {
				return err
			}
		}
	}
	s.pos++
	return nil
}

func (s *scanner) comma() error {
	if s.peek() != ',' {
		return s.notJSON("no comma")
	}
	s.pos++
	s.space()
	return nil
}

// member reads `"name" : value`.
func (s *scanner) member(depth int) (m Member, err error) {
	start := s.pos
	if s.peek() != '"' {
		return m, s.notJSON("no member name")
	}
	if err := s.str(); err != nil {
		return m, err
	}
	m.RawName = s.text[start:s.pos]
	m.Name = unquote(m.RawName)
	if s.space(); s.peek() != ':' {
		return m, s.notJSON("no colon")
	}
	s.pos++
	s.space()
	start = s.pos
	m.Kind, err = s.value(depth)
	m.Raw = s.text[start:s.pos]
	return m, err
}

// array reads an array at its '[' and hands its elements to each, if not nil.
func (s *scanner) array(depth int, each func(Member) error) error {
	if depth > maxJSONDepth {
		return s.fail(ReasonTooDeep, "deeper than "+strconv.Itoa(maxJSONDepth)+" levels")
	}
	s.pos++
	first := true
	for s.space(); s.peek() != ']'; s.space() {
		if !first {
			if err := s.comma(); err != nil {
				return err
			}
		}
		first = false
		start := s.pos
		kind, err := s.value(depth)
		if err != nil {
			return err
		}
		if each != nil {
			if err := each(Member{Kind: kind, Raw: s.text[start:s.pos]}); err != nil {
				return err
			}
		}
	}
	s.pos++
	return nil
}

// nameSet finds a name that occurs twice. Few names are compared one by one, many go into a map.
type nameSet struct{ many map[string]struct{} }

func (n *nameSet) add(before []string, name string) bool {
	const few = 16
	if len(before) < few {
		return !slices.Contains(before, name)
	}
	if n.many == nil {
		n.many = make(map[string]struct{}, 2*few)
		for _, b := range before {
			n.many[b] = struct{}{}
		}
	}
	if _, found := n.many[name]; found {
		return false
	}
	n.many[name] = struct{}{}
	return true
}

// unquote returns what a string that the scanner has passed denotes.
func unquote(raw string) string {
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var text string
	if err := json.Unmarshal([]byte(raw), &text); err != nil {
		panic("source: scanner passed a string that encoding/json refuses: " + err.Error())
	}
	return text
}
