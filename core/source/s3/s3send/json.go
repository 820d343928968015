package s3send

import (
	"bytes"
	"encoding/json"
)

// ordered is a JSON object that keeps the order of its members.
type ordered []pair

type pair struct {
	name  string
	value any
}

// absent is the value of a member that is omitted.
type absent struct{}

// some returns value if the condition holds, else absent.
func some(ok bool, value any) any {
	if !ok {
		return absent{}
	}
	return value
}

// decimal is text that is encoded as a JSON number.
type decimal string

// MarshalJSON implements json.Marshaler.
func (d decimal) MarshalJSON() ([]byte, error) { return []byte(d), nil }

// MarshalJSON implements json.Marshaler. The calling encoder decides whether & < > are escaped.
func (o ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, p := range o {
		if p.value == (absent{}) {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(p.name)
		if err != nil {
			return nil, err
		}
		value, err := plainJSON(p.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encode returns the object as compact JSON.
func (o ordered) encode(escapeHTML bool) ([]byte, error) {
	if escapeHTML {
		return json.Marshal(o)
	}
	return plainJSON(o)
}

// plainJSON encodes without escaping & < >, as most programs not written in Go do.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
