package main

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Ids, subjects, errors and bodies come from senders and plugins. Everything printed of them goes through this file, so that they
// cannot control an operator's terminal or forge a line of output.

// printable returns text for one line: control, formatting and invalid characters are shown as Go writes them, such as \x1b.
func printable(text string) string { return escape(text, "") }

// printableText is printable for text of several lines: it keeps line feeds and tabs.
func printableText(text string) string { return escape(strings.ReplaceAll(text, "\r\n", "\n"), "\n\t") }

func escape(text, keep string) string {
	if strings.IndexFunc(text, hidden) < 0 {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(text[0]), 16))
		case hidden(r) && !strings.ContainsRune(keep, r):
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
		text = text[n:]
	}
	return b.String()
}

// firstLine is the first line of a text, marked if there are more.
func firstLine(text string) string {
	line, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if strings.TrimSpace(rest) != "" {
		line += " ..."
	}
	return strings.TrimSuffix(line, "\r")
}

// withLineEnd ends text with a line feed, unless it is empty.
func withLineEnd(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}

// hidden reports whether a terminal does something else with r than showing it. Invalid bytes are read as utf8.RuneError.
func hidden(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// isText reports whether b can be shown as text.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) && !strings.ContainsRune("\n\r\t", r) {
			return false
		}
		b = b[n:]
	}
	return true
}

// printableJSON escapes what JSON allows unescaped in strings and a terminal interprets: the second set of control characters and
// formatting characters. The document stays the same.
func printableJSON(document []byte) []byte {
	out := make([]byte, 0, len(document))
	for _, r := range string(document) {
		switch {
		case r < utf8.RuneSelf && r != 0x7f, unicode.IsPrint(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = appendUnicode(appendUnicode(out, high), low)
		default:
			out = appendUnicode(out, r)
		}
	}
	return out
}

func appendUnicode(out []byte, r rune) []byte {
	digits := strconv.FormatUint(uint64(r), 16)
	return append(append(out, `\u`+"0000"[len(digits):]...), digits...)
}

// brief cuts text to at most n characters.
func brief(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// briefMiddle cuts text in its middle to at most n characters.
func briefMiddle(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	runes := []rune(text)
	head := n / 2
	return string(runes[:head]) + "…" + string(runes[len(runes)-(n-1-head):])
}
