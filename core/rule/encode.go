package rule

import (
	"strings"
	"unicode/utf8"
)

// appendValue writes v as JSON. Numbers of a document stay as they were written. It stops within lists and objects that exceed twice
// MaxArguments.
func appendValue(buf []byte, v value) []byte {
	switch v.kind {
	case boolean:
		if v.bool() {
			return append(buf, "true"...)
		}
		return append(buf, "false"...)
	case numeric:
		return v.num.append(buf)
	case text:
		return appendText(buf, v.str)
	case list, object:
		switch r := v.ref.(type) {
		case *document:
			return r.append(buf, v.node())
		case *tuple:
			return appendList(buf, r)
		case *record:
			return appendRecord(buf, r)
		}
	}
	return append(buf, "null"...)
}

func appendList(buf []byte, t *tuple) []byte {
	buf = append(buf, '[')
	for i, v := range t.items {
		if len(buf) > 2*MaxArguments {
			break // it is refused anyway
		}
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendValue(buf, v)
	}
	return append(buf, ']')
}

func appendRecord(buf []byte, r *record) []byte {
	buf = append(buf, '{')
	for i, v := range r.values {
		if len(buf) > 2*MaxArguments {
			break // it is refused anyway
		}
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(appendText(buf, r.names[i]), ':')
		buf = appendValue(buf, v)
	}
	return append(buf, '}')
}

// appendText writes s as a JSON string.
func appendText(buf []byte, s string) []byte {
	buf = append(buf, '"')
	if isPlain(s) {
		buf = append(buf, s...)
	} else {
		buf = appendEscaped(buf, s)
	}
	return append(buf, '"')
}

// escapeFrom turns buf[start:], raw text so far, into the inside of a JSON string.
func escapeFrom(buf []byte, start int) []byte {
	if raw := buf[start:]; !isPlain(raw) {
		return appendEscaped(buf[:start], string(raw))
	}
	return buf
}

// isPlain reports whether s is the inside of a JSON string as it is. It may return false for plain text.
func isPlain[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func appendEscaped(buf []byte, s string) []byte {
	const hex = "0123456789abcdef"
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			buf = append(buf, '\\', c)
		case c == '\n':
			buf = append(buf, '\\', 'n')
		case c == '\r':
			buf = append(buf, '\\', 'r')
		case c == '\t':
			buf = append(buf, '\\', 't')
		case c < ' ':
			buf = append(buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			buf = append(buf, c)
		}
	}
	return buf
}
