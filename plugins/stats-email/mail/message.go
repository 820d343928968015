// Package mail writes one text mail and hands it to an SMTP server or a Maildir.
package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime/quotedprintable"
	netmail "net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/idna"
)

// Message is one mail to send.
type Message struct {
	// ID is the delivery's: the same for all attempts, so that Message-ID and file name recognise a repetition.
	ID string
	// Attempt of the delivery, counted from 1.
	Attempt int
	// Rule is the name of the rule, for services that can group or tag mails. May be empty.
	Rule string
	// From is author and envelope sender.
	From *netmail.Address
	// To are the recipients.
	To []*netmail.Address
	// Subject may be any text; line ends and control characters become spaces.
	Subject string
	// Text is the body, UTF-8, lines ended by "\n".
	Text string
	// Date of the header.
	Date time.Time
}

// maxSubject keeps the header line far below the 998 characters of RFC 5322 section 2.1.1, also when encoded.
const maxSubject = 250

// MessageID is "<id@domain of From>".
func (m *Message) MessageID() string { return "<" + m.messageID() + ">" }

func (m *Message) messageID() string {
	domain := m.From.Address[strings.LastIndexByte(m.From.Address, '@')+1:]
	return m.Name() + "@" + domain
}

// plainName is what can stand in a Message-ID and in a Maildir file name as it is.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)

// Name is ID, or a hash of it if it holds something unexpected.
func (m *Message) Name() string {
	if plainName.MatchString(m.ID) {
		return m.ID
	}
	sum := sha256.Sum256([]byte(m.ID))
	return hex.EncodeToString(sum[:16])
}

// encode renders the message as RFC 5322, with lines ended by CRLF. Quoted-printable leaves short ASCII lines as they are.
func (m *Message) encode() ([]byte, error) {
	var b bytes.Buffer
	for _, h := range []struct{ name, value string }{
		{"From", addressList("From", m.From)},
		{"To", addressList("To", m.To...)},
		{"Subject", encodeText("Subject", HeaderText(m.Subject))},
		{"Date", m.Date.Format(time.RFC1123Z)},
		{"Message-ID", m.MessageID()},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834: no holiday replies
		{"X-Pointsman-Delivery", encodeText("X-Pointsman-Delivery", HeaderText(m.ID))},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		writeHeader(&b, h.name, h.value)
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(strings.ToValidUTF8(m.Text, "\uFFFD"))); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	return b.Bytes(), nil
}

// HeaderText is OneLine, short enough for a header.
func HeaderText(s string) string {
	if s = OneLine(s); len(s) > maxSubject {
		s = strings.ToValidUTF8(s[:maxSubject], "") + "..."
	}
	return s
}

// OneLine makes one line of any text: a line end would start another header. Line ends and control characters become single
// spaces.
func OneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}

// ParseAddress reads one address, with or without a display name: "ops@example.com", "Ops <ops@example.com>". A domain in
// other letters becomes its ASCII form (RFC 5891). The result has the local part without quotes; see Path.
func ParseAddress(s string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil {
		return nil, fmt.Errorf("%.100q is not a mail address: %s", s, strings.TrimPrefix(err.Error(), "mail: "))
	}
	at := strings.LastIndexByte(a.Address, '@')
	local, domain := a.Address[:at], a.Address[at+1:]
	if !isPrintable(local) || len(Path(a.Address)) > 254 || len(a.Name) > 250 {
		return nil, fmt.Errorf("%.100q is not a mail address that can be sent to: too long, or not ASCII before the @", s)
	}
	if !strings.HasPrefix(domain, "[") {
		if domain, err = idna.Lookup.ToASCII(domain); err != nil {
			return nil, fmt.Errorf("%.100q is not a mail address: %w", s, err)
		}
	}
	a.Address = local + "@" + domain
	a.Name = OneLine(a.Name)
	return a, nil
}

// dotAtom is a local part that needs no quotes (RFC 5321 section 4.1.2).
var dotAtom = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+/=?^_{|}~` + "`" + `-]+(\.[A-Za-z0-9!#$%&'*+/=?^_{|}~` + "`" + `-]+)*$`)

// Path returns an address as it is written in SMTP and in headers, with a local part such as "a b" in quotes. Without them,
// "someone@else.example>"@example.com would be sent to somebody else.
func Path(address string) string {
	at := strings.LastIndexByte(address, '@')
	local := address[:at]
	if dotAtom.MatchString(local) {
		return address
	}
	return quote(local) + address[at:]
}

// isPrintable reports whether s is printable ASCII, spaces included.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
