package mail

import (
	"errors"
	"io"
	"mime"
	netmail "net/mail"
	"strings"
	"testing"

	"github.com/pointsman/pointsman/plugins/stats-email/mail/mailtest"
)

// A mail server that we did not write takes the mail and delivers it.
func TestExim(t *testing.T) {
	exim := mailtest.StartExim(t)
	s := &SMTP{
		Host: "127.0.0.1", Port: exim.Port, TLS: StartTLS, Username: mailtest.Username, Password: mailtest.Password,
		RootCAs: exim.Cert.Pool(),
	}
	m := message(t, "ops@example.com", "nouser@example.com", `"nouser>"@example.com`)
	m.Subject = "計測完了: 平均 99.506109"
	var partial *PartialError
	if err := s.Send(t.Context(), m); !errors.As(err, &partial) || !partial.Permanent() || !strings.Contains(err.Error(), "no such user") {
		t.Fatalf("got %v", err)
	}
	checkDelivered(t, exim.Mails(t, 1)[0], m)

	for to, permanent := range map[string]bool{"defer@example.com": false, "nouser@example.com": true, "a@elsewhere.example": true} {
		var e *Error
		if err := s.Send(t.Context(), message(t, to)); !errors.As(err, &e) || e.Permanent != permanent {
			t.Errorf("%s: got %v", to, err)
		}
	}
	wrong := *s
	wrong.Password = "wrong"
	var e *Error
	if err := wrong.Send(t.Context(), message(t)); !errors.As(err, &e) || e.Code != 535 {
		t.Errorf("got %v", err)
	}
}

func checkDelivered(t *testing.T, text string, m *Message) {
	t.Helper()
	read, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	if err != nil || subject != m.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	for name, want := range map[string]string{
		"Message-Id": m.MessageID(), "Envelope-To": "ops@example.com", "Return-Path": "<pointsman@lab.example.com>",
		"Auto-Submitted": "auto-generated", "Content-Type": "text/plain; charset=utf-8",
	} {
		if got := read.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if received := read.Header.Get("Received"); !strings.Contains(received, "esmtpsa") {
		t.Errorf("not by TLS and login: %q", received)
	}
	body, err := io.ReadAll(read.Body)
	if err != nil || string(body) != m.Text {
		t.Errorf("text %q, %v", body, err)
	}
}
