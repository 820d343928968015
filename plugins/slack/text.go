package main

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// mark ends a text that was cut.
const mark = "…(truncated)"

// texts makes texts fit to send, and collects what it had to change.
type texts struct {
	escape bool
	cuts   []string // paths of what was cut
	err    error    // a string that is too long and cannot be cut: the blocks and attachments cannot be sent
}

// fit removes what could deceive, escapes unless the rule's author wants links, and cuts to limit characters.
func (t *texts) fit(s string, limit int) string {
	s = neutral(s)
	if t.escape {
		s = escaper.Replace(s)
	}
	return cut(s, limit)
}

// fitAt is fit for a text of the rule's own layout: a cut is recorded.
func (t *texts) fitAt(path, s string, limit int) string {
	s = t.fit(s, limit)
	if strings.HasSuffix(s, mark) {
		t.cuts = append(t.cuts, path)
	}
	return s
}

// exact returns a string that must not be cut, without invisible characters.
func (t *texts) exact(path, s string, limit int) string {
	s = neutral(s)
	if n := length(s); n > limit && t.err == nil {
		t.err = tooLongError(path, n, limit)
	}
	return s
}

// limitList shortens a list to limit elements. The last of them is truncated, unless that is nil.
func (t *texts) limitList(path string, list []any, limit int, truncated any) []any {
	if len(list) <= limit {
		return list
	}
	t.cuts = append(t.cuts, path)
	if truncated == nil {
		return list[:limit]
	}
	return append(list[:limit-1:limit-1], truncated)
}

// escaper keeps a text from linking or mentioning: <!channel> becomes plain characters.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// lineEnds runs before neutral's mapping, which removes carriage returns.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// neutral returns s as valid UTF-8 without control characters, except tabs and line breaks, and without the characters that
// change the writing direction of what follows, even beyond the end of the text.
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

// maxLink is the longest <link>, in bytes. Anything longer is a < in a text, not a link.
const maxLink = 1000

// cut shortens s to limit characters, including the mark. It never splits an escape such as &amp; or a <link>.
func cut(s string, limit int) string {
	if len(s) <= limit || length(s) <= limit {
		return s
	}
	s = first(s, limit-length(mark))
	if i := strings.LastIndexByte(s, '&'); i >= 0 && len(s)-i < len("&amp;") && !strings.Contains(s[i:], ";") {
		s = s[:i]
	}
	if i := strings.LastIndexByte(s, '<'); i >= 0 && len(s)-i < maxLink && !strings.Contains(s[i:], ">") {
		s = s[:i]
	}
	return s + mark
}

// first returns the first n characters of s, which has more.
func first(s string, n int) string {
	for i, r := range s {
		if n -= units(r); n < 0 {
			return s[:i]
		}
	}
	return s
}

// length counts as Slack's clients do, in UTF-16 code units: an emoji is two. Where Slack counts it as one the text is a little
// shorter than it could be.
func length(s string) (n int) {
	for _, r := range s {
		n += units(r)
	}
	return n
}

func units(r rune) int { return max(1, utf16.RuneLen(r)) }

// blank reports whether nothing of s is visible: Slack refuses a message of spaces and zero-width characters as one without text.
func blank(s string) bool {
	return strings.IndexFunc(neutral(s), func(r rune) bool {
		return !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) && r != 0x3164 && r != 0x2800
	}) < 0
}

// clip shortens a text from outside for use in an error.
func clip(s string) string { return cut(neutral(s), 200) }
