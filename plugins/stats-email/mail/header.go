package mail

import (
	"bytes"
	"encoding/base64"
	netmail "net/mail"
	"strings"
	"unicode/utf8"
)

const (
	// maxHeaderLine is the length that a line of a header should not exceed (RFC 5322 section 2.1.1).
	maxHeaderLine = 78
	// maxEncodedLine is that of a line with encoded words (RFC 2047 section 2).
	maxEncodedLine = 76

	encodedStart, encodedEnd = "=?utf-8?b?", "?="
)

// writeHeader writes a header field, folded at spaces. The first word always stands on the line of the name: some gateways drop a
// subject whose first line is empty, and some readers show it with a space in front. A word too long for a line gets one of its own.
func writeHeader(b *bytes.Buffer, name, value string) {
	b.WriteString(name + ":")
	column := len(name) + 1
	for i, word := range strings.Split(value, " ") {
		if i > 0 && word != "" && column+1+len(word) > maxHeaderLine {
			b.WriteString("\r\n")
			column = 0
		}
		b.WriteString(" " + word)
		column += 1 + len(word)
	}
	b.WriteString("\r\n")
}

// encodeText returns ASCII as it is, and other text as encoded words that fit beside the name of the header.
func encodeText(name, text string) string {
	if isPrintable(text) {
		return text
	}
	most := (maxEncodedLine - len(name) - len(": ") - len(encodedStart) - len(encodedEnd)) / 4 * 3 // bytes of text in one word
	var words []string
	for text != "" {
		n := 0
		for n < len(text) {
			_, size := utf8.DecodeRuneInString(text[n:])
			if n+size > most {
				break
			}
			n += size
		}
		words = append(words, encodedStart+base64.StdEncoding.EncodeToString([]byte(text[:n]))+encodedEnd)
		text = text[n:]
	}
	return strings.Join(words, " ")
}

// addressList returns the value of a header with addresses.
func addressList(header string, addresses ...*netmail.Address) string {
	list := make([]string, len(addresses))
	for i, a := range addresses {
		switch path := "<" + Path(a.Address) + ">"; {
		case a.Name == "":
			list[i] = path
		case isPrintable(a.Name):
			list[i] = quote(a.Name) + " " + path
		default:
			list[i] = encodeText(header, a.Name) + " " + path
		}
	}
	return strings.Join(list, ", ")
}

// quote returns a quoted-string (RFC 5322 section 3.2.4).
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
