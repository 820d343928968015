package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/stats-email/mail/mailtest"
)

func sender(s *mailtest.Server, change ...func(*SMTP)) *SMTP {
	out := &SMTP{
		Host: "127.0.0.1", Port: s.Port, TLS: StartTLS, Username: mailtest.Username, Password: mailtest.Password,
		RootCAs: s.Cert.Pool(),
	}
	for _, f := range change {
		f(out)
	}
	return out
}

func clear(s *SMTP)     { s.TLS = ClearText }
func anonymous(s *SMTP) { s.Username, s.Password = "", "" }

func TestSMTP(t *testing.T) {
	for _, c := range []struct {
		name    string
		options mailtest.Options
		change  []func(*SMTP)
	}{
		{name: "STARTTLS and login"},
		{name: "by name", change: []func(*SMTP){func(s *SMTP) { s.Host = "localhost" }}},
		{name: "TLS from the first byte", options: mailtest.Options{ImplicitTLS: true}, change: []func(*SMTP){func(s *SMTP) { s.TLS = ImplicitTLS }}},
		{name: "clear text on this machine", options: mailtest.Options{NoTLS: true}, change: []func(*SMTP){clear}},
		{name: "no login", options: mailtest.Options{NoTLS: true, NoAuth: true}, change: []func(*SMTP){clear, anonymous}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := mailtest.New(t, c.options)
			m := message(t, "ops@example.com", "Lab <lab@example.com>")
			m.Text = statsText + ".\n.dot\n"
			if err := sender(server, c.change...).Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			text, err := m.encode()
			if err != nil {
				t.Fatal(err)
			}
			want := []mailtest.Mail{{From: "pointsman@lab.example.com", To: []string{"ops@example.com", "lab@example.com"}, Text: string(text)}}
			if diff := cmp.Diff(want, server.Mails()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A local part that needs quotes has them on the wire, and reaches nobody else (RFC 5321 section 4.1.2).
func TestSMTPQuotedLocalPart(t *testing.T) {
	for _, quoted := range []string{`"someone@else.example>"@example.com`, `"a b"@example.com`, `"\"a\\"@example.com`} {
		var sent string
		server := mailtest.New(t, mailtest.Options{NoTLS: true, NoAuth: true, Rcpt: func(to string) error { sent = to; return nil }})
		m := message(t, quoted)
		if err := sender(server, clear, anonymous).Send(t.Context(), m); err != nil {
			t.Errorf("%s: %v", quoted, err)
			continue
		}
		if sent != m.To[0].Address {
			t.Errorf("%s: the server took it for %q, want %q", quoted, sent, m.To[0].Address)
		}
	}
}

// Which refusals are final: those that the server itself calls so (5xx).
func TestSMTPRefusals(t *testing.T) {
	refuse := func(code int) func(string) error {
		return func(string) error { return mailtest.Reply(code, "canary says no") }
	}
	data := func(code int) func() error {
		return func() error { return mailtest.Reply(code, "canary says no") }
	}
	wrong := func(s *SMTP) { s.Password = "wrong" }
	for _, c := range []struct {
		name      string
		options   mailtest.Options
		change    []func(*SMTP)
		permanent bool
		says      string
	}{
		{name: "sender later", options: mailtest.Options{Mail: refuse(451)}, says: "send from pointsman@lab.example.com: 451"},
		{name: "sender never", options: mailtest.Options{Mail: refuse(550)}, permanent: true, says: "send from pointsman@lab.example.com: 550"},
		{name: "recipient later", options: mailtest.Options{Rcpt: refuse(450)}, says: "send to ops@example.com: 450"},
		{name: "recipient never", options: mailtest.Options{Rcpt: refuse(550)}, permanent: true, says: "send to ops@example.com: 550"},
		{name: "text later, throttled as by SES", options: mailtest.Options{Data: data(454)}, says: "454"},
		{name: "text never", options: mailtest.Options{Data: data(554)}, permanent: true, says: "554"},
		{name: "too large", options: mailtest.Options{Data: data(552)}, permanent: true, says: "552"},
		{name: "password", change: []func(*SMTP){wrong}, permanent: true, says: "log in: 535"},
		{name: "login wanted", change: []func(*SMTP){anonymous}, permanent: true, says: "530"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := mailtest.New(t, c.options)
			err := sender(server, c.change...).Send(t.Context(), message(t))
			var e *Error
			if !errors.As(err, &e) || e.Permanent != c.permanent || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %#v", err)
			}
			if n := len(server.Mails()); n != 0 {
				t.Errorf("%d mails", n)
			}
		})
	}
}

// Troubles that may pass are plain errors.
func TestSMTPTroubles(t *testing.T) {
	t.Run("nobody listens", func(t *testing.T) {
		server := mailtest.New(t, mailtest.Options{})
		s := sender(server)
		s.Port = 1
		checkPlain(t, s.Send(t.Context(), message(t)), "connect")
	})
	t.Run("no STARTTLS", func(t *testing.T) {
		server := mailtest.New(t, mailtest.Options{NoTLS: true})
		checkPlain(t, sender(server).Send(t.Context(), message(t)), "does not offer STARTTLS")
	})
	t.Run("unknown authority", func(t *testing.T) {
		server := mailtest.New(t, mailtest.Options{})
		err := sender(server, func(s *SMTP) { s.RootCAs = mailtest.NewCert(t).Pool() }).Send(t.Context(), message(t))
		checkPlain(t, err, "secure the connection")
		if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no way to log in", func(t *testing.T) {
		server := mailtest.New(t, mailtest.Options{NoAuth: true})
		checkPlain(t, sender(server).Send(t.Context(), message(t)), "offers no way to log in")
	})
	t.Run("no mail server", func(t *testing.T) {
		checkPlain(t, (&SMTP{Host: "127.0.0.1", Port: speaks(t, "SSH-2.0-OpenSSH\r\n"), TLS: StartTLS}).Send(t.Context(), message(t)), "greet")
	})
	t.Run("greets with 554", func(t *testing.T) {
		err := (&SMTP{Host: "127.0.0.1", Port: speaks(t, "554 no service\r\n"), TLS: StartTLS}).Send(t.Context(), message(t))
		var e *Error
		if !errors.As(err, &e) || !e.Permanent || e.Code != 554 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("tarpit", func(t *testing.T) {
		server := mailtest.New(t, mailtest.Options{Block: t.Context().Done()})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err := sender(server).Send(ctx, message(t))
		checkPlain(t, err, "send from")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func checkPlain(t *testing.T, err error, says string) {
	t.Helper()
	var e *Error
	if err == nil || errors.As(err, &e) || !strings.Contains(err.Error(), says) {
		t.Errorf("got %#v, want an error with %q", err, says)
	}
}

// speaks is a server that says one thing and hangs up.
func speaks(t *testing.T, text string) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(text))
			_ = conn.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// The server took the mail but its answer was lost: the next attempt sends a mail that is known by its Message-ID.
func TestSMTPLostAnswer(t *testing.T) {
	server := mailtest.New(t, mailtest.Options{CutAfterData: 1})
	checkPlain(t, sender(server).Send(t.Context(), message(t)), "wait for the reply to the text")
	if err := sender(server).Send(t.Context(), message(t)); err != nil {
		t.Fatal(err)
	}
	for _, m := range server.Mails() {
		if !strings.Contains(m.Text, "Message-ID: <abcdefgh-42@lab.example.com>\r\n") {
			t.Errorf("got %q", m.Text)
		}
	}
	if n := len(server.Mails()); n != 2 {
		t.Errorf("%d mails", n)
	}
}

func TestSMTPSomeRecipients(t *testing.T) {
	codes := map[string]int{"gone@example.com": 550, "later@example.com": 450}
	server := mailtest.New(t, mailtest.Options{Rcpt: func(a string) error {
		if code := codes[a]; code != 0 {
			return mailtest.Reply(code, "no")
		}
		return nil
	}})
	for _, c := range []struct {
		to        []string
		accepted  []string
		permanent bool
	}{
		{to: []string{"a@example.com", "gone@example.com", "b@example.com"}, accepted: []string{"a@example.com", "b@example.com"}, permanent: true},
		{to: []string{"a@example.com", "gone@example.com", "later@example.com"}, accepted: []string{"a@example.com"}},
		{to: []string{"gone@example.com"}, permanent: true},
		{to: []string{"later@example.com", "gone@example.com"}},
	} {
		before := len(server.Mails())
		err := sender(server).Send(t.Context(), message(t, c.to...))
		var partial *PartialError
		var refused *Error
		switch {
		case errors.As(err, &partial):
			if diff := cmp.Diff(c.accepted, partial.Accepted); diff != "" || partial.Permanent() != c.permanent {
				t.Errorf("%v: permanent %v, %s", c.to, partial.Permanent(), diff)
			}
		case errors.As(err, &refused):
			if c.accepted != nil || refused.Permanent != c.permanent {
				t.Errorf("%v: got %+v", c.to, refused)
			}
		default:
			t.Errorf("%v: got %v", c.to, err)
		}
		if c.accepted == nil && len(server.Mails()) != before {
			t.Errorf("%v: a mail went out", c.to)
		}
	}
}

// An attempt after a partial one leaves out whom the first one reached, though the header still names them.
func TestSMTPReached(t *testing.T) {
	full := true
	server := mailtest.New(t, mailtest.Options{Rcpt: func(a string) error {
		if a == "b@example.com" && full {
			return mailtest.Reply(452, "mailbox full")
		}
		return nil
	}})
	path := filepath.Join(t.TempDir(), "sent")
	var to [][]string
	for attempt := range 3 {
		sent := openSent(t, path) // each attempt is another process
		err := sender(server, func(s *SMTP) { s.Sent = sent }).Send(t.Context(), message(t, "a@example.com", "b@example.com"))
		if (err == nil) != (attempt > 0) {
			t.Errorf("attempt %d: %v", attempt, err)
		}
		full = false
		if err := sent.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range server.Mails() {
		to = append(to, m.To)
		if !strings.Contains(m.Text, "To: <a@example.com>, <b@example.com>") {
			t.Errorf("got %q", m.Text)
		}
	}
	if diff := cmp.Diff([][]string{{"a@example.com"}, {"b@example.com"}}, to); diff != "" {
		t.Error(diff)
	}
}

func TestSMTPPasswordStaysHere(t *testing.T) {
	s := &SMTP{TLS: ClearText, Host: "mail.example.com", Username: "u", Password: "p"}
	if isLoopback(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}) || !isLoopback(&net.TCPAddr{IP: net.IPv6loopback}) {
		t.Error("isLoopback")
	}
	if got := s.Addr(); got != "mail.example.com:25" {
		t.Error(got)
	}
}
