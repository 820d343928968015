package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// The functions below walk a JSON text that json.Valid has accepted, so they do not check the grammar again. They copy only the
// strings that are kept. This makes decoding cheap enough for every delivery.

// checkJSON returns data without the space around it, or an error when it is not one JSON value.
func checkJSON(data []byte) ([]byte, error) {
	data = trimSpace(data)
	if len(data) == 0 {
		return []byte("{}"), nil
	}
	if json.Valid(data) {
		return data, nil
	}
	text := "not valid JSON"
	var syntax *json.SyntaxError
	if err := json.Unmarshal(data, &json.RawMessage{}); errors.As(err, &syntax) {
		text = fmt.Sprintf("not valid JSON at byte %d", syntax.Offset)
	}
	return nil, &Error{Problems: []Problem{{Text: text}}}
}

// members calls f with the name and the value of each member of an object.
func members(object []byte, f func(name, value []byte)) {
	for i := next(object, 1); object[i] != '}'; {
		end := endOf(object, i)
		name := object[i:end]
		i = next(object, next(object, end)+1) // past the colon
		end = endOf(object, i)
		f(name, object[i:end])
		i = next(object, end)
		if object[i] == ',' {
			i = next(object, i+1)
		}
	}
}

// elements calls f with each element of an array.
func elements(array []byte, f func(index int, value []byte)) {
	n := 0
	for i := next(array, 1); array[i] != ']'; n++ {
		end := endOf(array, i)
		f(n, array[i:end])
		i = next(array, end)
		if array[i] == ',' {
			i = next(array, i+1)
		}
	}
}

// next is the index of the first byte from i that is not space.
func next(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// endOf is the index after the value that begins at i.
func endOf(b []byte, i int) int {
	switch b[i] {
	case '"':
		return endOfString(b, i)
	case '{', '[':
		return endOfNested(b, i)
	}
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && !isSpace(b[i]) {
		i++
	}
	return i
}

func endOfString(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func endOfNested(b []byte, i int) int {
	for depth := 0; ; {
		switch b[i] {
		case '"':
			i = endOfString(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		i++
		if depth == 0 {
			return i
		}
	}
}

// text is the content of a JSON string.
func text(quoted []byte) string {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // cannot fail: the text is valid JSON and begins with a quote
	return s
}

// kindOf names the kind of a JSON value for error texts.
func kindOf(value []byte) string {
	switch value[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 't', 'f':
		return "a bool"
	case 'n':
		return "null"
	}
	return "a number"
}

func isNull(value []byte) bool { return value[0] == 'n' }

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func trimSpace(b []byte) []byte { return bytes.Trim(b, " \t\r\n") }
