package source

import (
	"math"
	"strconv"
	"unicode/utf16"
)

// str reads a string at its opening quote.
func (s *scanner) str() error {
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; {
		case c == '"':
			s.pos++
			return nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		case c < ' ':
			return s.notJSON("control character in a string")
		}
	}
	return s.notJSON("string without an end")
}

// escape reads an escape sequence at its backslash and stops at its last byte.
func (s *scanner) escape() error {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
	default:
		return s.notJSON("unknown escape sequence")
	}
	r, ok := s.hex4(s.pos + 1)
	if !ok {
		return s.notJSON("escape sequence without four hexadecimal digits")
	}
	s.pos += 4
	if !utf16.IsSurrogate(r) {
		return nil
	}
	// RFC 8259 section 8.2: what a lone surrogate means is unpredictable, so no meaning is given to it.
	if s.pos+2 < len(s.text) && s.text[s.pos+1:s.pos+3] == `\u` {
		if low, ok := s.hex4(s.pos + 3); ok && utf16.DecodeRune(r, low) != '\uFFFD' {
			s.pos += 6
			return nil
		}
	}
	return s.fail(ReasonInvalidUTF8, "surrogate without its other half")
}

func (s *scanner) hex4(at int) (rune, bool) {
	if at+4 > len(s.text) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s.text[at : at+4]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number reads a number at its first byte.
func (s *scanner) number() error {
	start := s.pos
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return s.notJSON("number without digits")
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return s.notJSON("fraction without digits")
		}
	}
	exponent := s.peek() == 'e' || s.peek() == 'E'
	if exponent {
		s.pos++
		if s.peek() == '+' || s.peek() == '-' {
			s.pos++
		}
		if !s.digits() {
			return s.notJSON("exponent without digits")
		}
	}
	const alwaysInRange = 300 // digits; the largest float64 has 309
	if exponent || s.pos-start > alwaysInRange {
		if f, _ := strconv.ParseFloat(s.text[start:s.pos], 64); math.IsInf(f, 0) {
			return s.fail(ReasonNumberRange, "number beyond the range of a float64")
		}
	}
	return nil
}

// digits passes one or more digits; false when there is none.
func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.text) && '0' <= s.text[s.pos] && s.text[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}
