package dispatch

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText limits a plugin's message or receipt, in bytes.
const maxText = 1024

// oneLine makes a plugin's text safe to store and log: valid UTF-8, one line, printable. Text beyond maxText bytes is cut and
// gets a mark with its full size.
func oneLine(s string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(min(len(s), maxText+64))
	space := true // no leading space
	for _, r := range s {
		if b.Len()+utf8.RuneLen(r) > maxText {
			return fmt.Sprintf("%s... (cut, %d bytes)", strings.TrimRight(b.String(), " "), len(s))
		}
		if !unicode.IsPrint(r) || r == ' ' {
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		}
		b.WriteRune(r)
		space = false
	}
	return strings.TrimRight(b.String(), " ")
}

// clean reports whether s is short printable ASCII. Nearly every text is, and then needs no copy.
func clean(s string) bool {
	if len(s) > maxText {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
