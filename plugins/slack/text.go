package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Slack's limits, in characters. Texts are counted as they are sent, escapes included.
const (
	maxText        = 40_000 // of a message
	maxSection     = 3_000  // of a section or an attachment
	maxField       = 2_000
	maxHeader      = 150
	maxName        = 80
	maxBlocks      = 50
	maxAttachments = 100
	maxFields      = 10 // of one section
	maxElements    = 10 // of one context block
)

// mark ends what was cut.
const mark = "…(truncated)"

// texts is how texts of a message are made fit to send.
type texts struct{ escape bool }

// fit removes what could deceive, escapes unless the rule's author wants links, and cuts to limit characters.
func (t texts) fit(s string, limit int) string {
	s = neutral(s)
	if t.escape {
		s = escaper.Replace(s)
	}
	return cut(s, limit)
}

// escaper makes a text one that cannot link or mention: with these three, <!channel> is only characters.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// lineEnds comes before neutral's mapping, which would make nothing of a carriage return.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// neutral is s as valid UTF-8 without control characters (tabs and line ends stay) and without the characters that turn the
// direction of what follows them, beyond the text's own end.
func neutral(s string) string {
	if strings.IndexFunc(s, suspect) < 0 && utf8.ValidString(s) {
		return s
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.Map(func(r rune) rune {
		if suspect(r) {
			return -1
		}
		return r
	}, lineEnds.Replace(s))
}

func suspect(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return unicode.IsControl(r)
}

// maxLink is how long a <link> may be, in bytes: what is longer is no link but a < in a text.
const maxLink = 1000

// cut shortens s to limit characters, mark included. It cuts neither an escape such as &amp; nor a <link> in two.
func cut(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	s = first(s, limit-utf8.RuneCountInString(mark))
	if i := strings.LastIndexByte(s, '&'); i >= 0 && len(s)-i < len("&amp;") && !strings.Contains(s[i:], ";") {
		s = s[:i]
	}
	if i := strings.LastIndexByte(s, '<'); i >= 0 && len(s)-i < maxLink && !strings.Contains(s[i:], ">") {
		s = s[:i]
	}
	return s + mark
}

// first is the first n characters of s, which has more.
func first(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// clip bounds a text from outside that goes into an error.
func clip(s string) string { return cut(neutral(s), 200) }
