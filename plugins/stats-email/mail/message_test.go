package mail

import (
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const statsText = "Average: 99.506109\nUnbiased Variance: 243.961858\n"

func address(t testing.TB, s string) *netmail.Address {
	t.Helper()
	a, err := ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func message(t testing.TB, to ...string) *Message {
	t.Helper()
	if len(to) == 0 {
		to = []string{"ops@example.com"}
	}
	m := &Message{
		ID: "abcdefgh-42", From: address(t, "Pointsman <pointsman@lab.example.com>"), Subject: "Measurement 1a14f158 statistics",
		Text: statsText, Date: time.Date(2024, 12, 25, 9, 20, 0, 0, time.FixedZone("", 9*3600)),
	}
	for _, s := range to {
		m.To = append(m.To, address(t, s))
	}
	return m
}

func TestEncode(t *testing.T) {
	got, err := message(t, "ops@example.com", "Lab 1 <lab@example.com>").encode()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`From: "Pointsman" <pointsman@lab.example.com>
To: <ops@example.com>, "Lab 1" <lab@example.com>
Subject: Measurement 1a14f158 statistics
Date: Wed, 25 Dec 2024 09:20:00 +0900
Message-ID: <abcdefgh-42@lab.example.com>
Auto-Submitted: auto-generated
X-Pointsman-Delivery: abcdefgh-42
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Average: 99.506109
Unbiased Variance: 243.961858
`, "\n", "\r\n")
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// Whatever subject and text are, a reader gets them back, and no header beside ours.
func TestEncodeAnyText(t *testing.T) {
	for _, c := range []struct{ subject, wantSubject, raw, text, wantText string }{
		{subject: "計測完了: 平均 99.506109", wantSubject: "計測完了: 平均 99.506109", raw: "Subject: =?utf-8?b?6KiI5ris5a6M5LqGOiDlubPlnYcgOTkuNTA2MTA5?=", text: "平均 = 99\n", wantText: "平均 = 99\n"},
		{subject: "a\r\nBcc: evil@example.com", wantSubject: "a Bcc: evil@example.com", text: ".\n..\r\n.\r\nBcc: x\n", wantText: ".\n..\n.\nBcc: x\n"},
		{subject: "tab\tand\x00null\u2028", wantSubject: "tab and null", text: strings.Repeat("long ", 500) + "\n", wantText: strings.Repeat("long ", 500) + "\n"},
		{subject: "two  spaces", wantSubject: "two spaces", text: "trailing space \n", wantText: "trailing space \n"},
		{subject: strings.Repeat("x", 2000), wantSubject: strings.Repeat("x", 250) + "...", text: "", wantText: ""},
		{subject: strings.Repeat("測", 200), wantSubject: strings.Repeat("測", 83) + "...", text: "\xff\n", wantText: "\ufffd\n"},
	} {
		m := message(t)
		m.Subject, m.Text = c.subject, c.text
		text, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(text), "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
				t.Errorf("line %q", line)
			}
		}
		if !strings.Contains(string(text), c.raw) {
			t.Errorf("%q not in %q", c.raw, text)
		}
		read, err := netmail.ReadMessage(strings.NewReader(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
		if err != nil || subject != c.wantSubject {
			t.Errorf("subject %q, %v; want %q", subject, err, c.wantSubject)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(read.Body))
		if err != nil || strings.ReplaceAll(string(body), "\r\n", "\n") != c.wantText {
			t.Errorf("text %q, %v; want %q", body, err, c.wantText)
		}
		if len(read.Header) != 10 {
			t.Errorf("headers %v", read.Header)
		}
	}
}

// Long headers are folded so that the first word stands beside the name, lines keep their limits, and readers get the same text.
func TestHeaderFolding(t *testing.T) {
	japanese := strings.Repeat("計測完了の平均値", 10)
	for name, c := range map[string]struct{ subject, from, to string }{
		"japanese subject": {subject: japanese},
		"long words":       {subject: strings.Repeat("x", 200) + " and " + strings.Repeat("y", 40)},
		"many words":       {subject: strings.Repeat("word ", 45) + "end"},
		"emoji":            {subject: strings.Repeat("🙂", 60)},
		"mixed":            {subject: "Measurement 1a14f158-2a0c-44c7-ace1-e0d21ecc93e9 of the machine in building no. 7: 計測完了"},
		"long names":       {from: strings.Repeat("Long Name ", 20) + "<a@example.com>", to: strings.Repeat("Other Name ", 20) + "<b@example.com>"},
		"japanese names":   {from: strings.Repeat("計測", 40) + " <a@example.com>", to: strings.Repeat("平均", 40) + " <b@example.com>"},
		"quoted names":     {from: `"A, \"B\"" <a@example.com>`, to: `"x@y.example" <"b b"@example.com>`},
	} {
		t.Run(name, func(t *testing.T) {
			m := message(t)
			m.Subject = c.subject
			if c.from != "" {
				m.From, m.To = address(t, c.from), []*netmail.Address{address(t, c.to), address(t, "c@example.com"), address(t, c.to)}
			}
			encoded, err := m.encode()
			if err != nil {
				t.Fatal(err)
			}
			headers, _, _ := strings.Cut(string(encoded), "\r\n\r\n")
			for line := range strings.SplitSeq(headers, "\r\n") {
				limit := 78
				if strings.Contains(line, "=?") {
					limit = 76
				}
				if len(line) > limit && strings.Contains(strings.TrimPrefix(line, "Subject: "), " ") || strings.HasSuffix(line, ":") || strings.TrimSpace(line) == "" {
					t.Errorf("%d characters in %q", len(line), line)
				}
			}
			read, err := netmail.ReadMessage(strings.NewReader(string(encoded)))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject")); err != nil || got != HeaderText(c.subject) {
				t.Errorf("subject %q, %v; want %q", got, err, c.subject)
			}
			for header, want := range map[string][]*netmail.Address{"From": {m.From}, "To": m.To} {
				if got, err := read.Header.AddressList(header); err != nil || !cmp.Equal(got, want) {
					t.Errorf("%s: %v; got %v, want %v", header, err, got, want)
				}
			}
		})
	}
}

func TestMessageIDOfUnexpectedID(t *testing.T) {
	m := message(t)
	m.ID = "a b>\r\n/../x"
	if got := m.MessageID(); !strings.HasSuffix(got, "@lab.example.com>") || strings.ContainsAny(got, " \r\n/") || len(got) != 1+32+17 {
		t.Errorf("got %q", got)
	}
}

func TestParseAddress(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{in: "ops@example.com", want: "<ops@example.com>"},
		{in: " Ops Team <ops@example.com> ", want: `"Ops Team" <ops@example.com>`},
		{in: "計測 <lab@example.com>", want: "=?utf-8?b?6KiI5ris?= <lab@example.com>"},
		{in: "lab@例え.jp", want: "<lab@xn--r8jz45g.jp>"},
		{in: "pointsman@localhost", want: "<pointsman@localhost>"},
		{in: "root@[127.0.0.1]", want: "<root@[127.0.0.1]>"},
		{in: "", err: `"" is not a mail address`},
		{in: "ops", err: `"ops" is not a mail address`},
		{in: "a@example.com, b@example.com", err: "single address"},
		{in: "a@example.com\r\nBcc: b@example.com", err: "is not a mail address"},
		{in: "計測@example.com", err: "not ASCII before the @"},
		{in: `"a b"@example.com`, want: `<"a b"@example.com>`},
		{in: `"someone@else.example>"@example.com`, want: `<"someone@else.example>"@example.com>`},
		{in: `Ops <"\"a\\b"@example.com>`, want: `"Ops" <"\"a\\b"@example.com>`},
		{in: `".dots..in."@example.com`, want: `<".dots..in."@example.com>`},
		{in: `"plain"@example.com`, want: "<plain@example.com>"},
		{in: "a@-.example", err: "is not a mail address"},
		{in: strings.Repeat("a", 300) + "@example.com", err: "too long"},
		{in: strings.Repeat("a", 1000) + " <a@example.com>", err: "too long"},
	} {
		a, err := ParseAddress(c.in)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: got %v, want %q", c.in, err, c.err)
			}
			continue
		}
		if err != nil || addressList("To", a) != c.want {
			t.Errorf("%q: got %v, %v, want %q", c.in, a, err, c.want)
		}
	}
}

// Whatever the texts are, the message has our headers and no others, and lines that every server takes.
func FuzzEncode(f *testing.F) {
	f.Add("abcdefgh-1", "Ops <ops@example.com>", "Measurement", statsText)
	f.Fuzz(func(t *testing.T, id, to, subject, text string) {
		a, err := ParseAddress(to)
		if err != nil {
			a = address(t, "ops@example.com")
		}
		m := message(t)
		m.ID, m.To, m.Subject, m.Text = id, []*netmail.Address{a}, subject, text
		encoded, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(encoded), "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n") || !isASCII(line) {
				t.Errorf("line %q", line)
			}
		}
		read, err := netmail.ReadMessage(strings.NewReader(string(encoded)))
		if err != nil || len(read.Header) != 10 {
			t.Fatalf("%v: %q", err, encoded)
		}
		if got, err := netmail.ParseAddress(read.Header.Get("To")); err != nil || got.Address != a.Address {
			t.Errorf("to %q became %q, %v", a, read.Header.Get("To"), err)
		}
	})
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
