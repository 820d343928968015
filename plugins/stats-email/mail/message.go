// Package mail writes one text mail and hands it to an SMTP server or a Maildir.
package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	netmail "net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"
)

// Message is one mail to send.
type Message struct {
	// ID is the delivery's: the same for all attempts, so that Message-ID and file name recognise a repetition.
	ID string
	// Attempt of the delivery, counted from 1.
	Attempt int
	// Rule is the name of the rule that asked for it, for services that can group or tag mails. May be empty.
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

// encode renders the message as RFC 5322, lines ended by CRLF.
func (m *Message) encode() ([]byte, error) {
	msg := gomail.NewMsg(gomail.WithCharset("utf-8"), gomail.WithEncoding(gomail.EncodingB64), gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(m.From)
	msg.ToMailAddress(m.To...)
	msg.Subject(HeaderText(m.Subject))
	msg.SetMessageIDWithValue(m.messageID())
	msg.SetDateWithValue(m.Date)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday replies
	msg.SetGenHeader("X-Pointsman-Delivery", HeaderText(m.ID))
	// Quoted-printable leaves short ASCII lines as they are.
	msg.SetBodyString(gomail.TypeTextPlain, strings.ToValidUTF8(m.Text, "\uFFFD"), gomail.WithPartEncoding(gomail.EncodingQP))
	var buf bytes.Buffer
	if _, err := msg.WriteTo(&buf); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	return buf.Bytes(), nil
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
// other letters becomes its ASCII form (RFC 5891).
func ParseAddress(s string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil {
		return nil, fmt.Errorf("%.100q is not a mail address: %s", s, strings.TrimPrefix(err.Error(), "mail: "))
	}
	at := strings.LastIndexByte(a.Address, '@')
	local, domain := a.Address[:at], a.Address[at+1:]
	if !isPlain(local) || len(a.Address) > 254 || len(a.Name) > 250 {
		return nil, fmt.Errorf("%.100q is not a mail address that can be sent to: too long, or not ASCII before the @", s)
	}
	if !strings.HasPrefix(domain, "[") {
		if domain, err = idna.Lookup.ToASCII(domain); err != nil {
			return nil, fmt.Errorf("%.100q is not a mail address: %w", s, err)
		}
	}
	a.Address = local + "@" + domain
	return a, nil
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
