package jsondoc

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// simpleEscapes are the escapes of RFC 8259, section 7, that stand for one character.
var simpleEscapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape returns the content of a string that the parser has accepted: every escape is complete and surrogates are in pairs.
func unescape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for {
		plain, rest, found := strings.Cut(s, `\`)
		b.WriteString(plain)
		switch {
		case !found:
			return b.String()
		case rest[0] != 'u':
			b.WriteByte(simpleEscapes[rest[0]])
			s = rest[1:]
			continue
		}
		r := hexRune(rest[1:5])
		s = rest[5:]
		if utf16.IsSurrogate(r) { // the second half follows as \uXXXX
			r = utf16.DecodeRune(r, hexRune(s[2:6]))
			s = s[6:]
		}
		b.WriteRune(r)
	}
}

// hexRune returns the value of four hexadecimal digits.
func hexRune(digits string) rune {
	n, _ := strconv.ParseUint(digits, 16, 16) // the parser has checked the digits
	return rune(n)
}
