package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// Ways to protect the connection to the server.
const (
	// StartTLS begins in clear text and requires the server to offer STARTTLS (RFC 3207).
	StartTLS = "starttls"
	// ImplicitTLS is TLS from the first byte (RFC 8314).
	ImplicitTLS = "tls"
	// ClearText is for servers on the same machine.
	ClearText = "none"
)

const (
	connectTimeout = 10 * time.Second
	// replyTimeout limits the wait for each reply. RFC 5321 section 4.5.3.2 allows minutes, but deliveries have shorter timeouts.
	replyTimeout = 60 * time.Second
)

// SMTP sends mails to one server, each over a new connection. It is safe for concurrent use.
type SMTP struct {
	// Host is a name or an address. The server's certificate must be valid for it.
	Host string
	// Port 0 is the usual port for TLS.
	Port int
	// TLS is StartTLS, ImplicitTLS or ClearText.
	TLS string
	// Username and Password log in, unless Username is empty.
	Username, Password string
	// RootCAs replaces the system's authorities. May be nil.
	RootCAs *x509.CertPool
	// Sent records which recipients each mail has reached. May be nil.
	Sent *Sent
}

// Addr is host:port, with the usual port unless one is set.
func (s *SMTP) Addr() string {
	usual := map[string]int{StartTLS: 587, ImplicitTLS: 465, ClearText: 25}
	return net.JoinHostPort(s.Host, strconv.Itoa(cmp.Or(s.Port, usual[s.TLS])))
}

// Send sends the message to all its recipients that Sent does not list. It returns nil if the server accepted it for all of them,
// a *PartialError if for some, and an *Error if it refused the message. After any other error the message may have been sent;
// a repetition has the same Message-ID.
func (s *SMTP) Send(ctx context.Context, m *Message) error {
	to := s.missing(m)
	if len(to) == 0 {
		return nil
	}
	text, err := m.encode()
	if err != nil {
		return err
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return s.explain(ctx, "connect", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends a wait for the server
	defer stop()
	c, err := smtp.NewClient(conn, s.Host)
	if err != nil {
		return s.explain(ctx, "greet", err)
	}
	defer func() { _ = c.Close() }() // the connection is not needed any more
	if step, err := s.begin(c, conn); err != nil {
		return s.explain(ctx, step, err)
	}
	accepted, refused, err := s.envelope(ctx, c, m.From.Address, to)
	if err == nil && len(accepted) > 0 {
		err = s.data(ctx, c, text)
	}
	if err != nil {
		return err
	}
	_ = c.Quit() // the server has accepted the mail
	return s.conclude(m.ID, accepted, refused)
}

// conclude records the accepted recipients and returns an error for the refused ones.
func (s *SMTP) conclude(id string, accepted []string, refused []Refusal) error {
	if len(accepted) == 0 {
		return &Error{Permanent: permanent(refused), Message: describe(refused)}
	}
	if s.Sent != nil {
		s.Sent.Add(id, accepted)
	}
	if len(refused) > 0 {
		return &PartialError{accepted, refused}
	}
	return nil
}

// missing returns the addresses that the message has not reached yet.
func (s *SMTP) missing(m *Message) []string {
	var reached, to []string
	if s.Sent != nil {
		reached = s.Sent.Reached(m.ID)
	}
	for _, a := range m.To {
		if !slices.Contains(reached, a.Address) {
			to = append(to, a.Address)
		}
	}
	return to
}

func (s *SMTP) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return nil, err
	}
	conn := &patientConn{raw}
	if s.TLS != ImplicitTLS {
		return conn, nil
	}
	secure := tls.Client(conn, s.tlsConfig())
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return secure, nil
}

func (s *SMTP) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: s.Host, RootCAs: s.RootCAs, MinVersion: tls.VersionTLS12}
}

// begin sends EHLO, secures the connection and logs in. It returns the step that failed.
func (s *SMTP) begin(c *smtp.Client, conn net.Conn) (step string, err error) {
	c.SkipSMTPUTF8(true) // addresses are ASCII
	if err := c.Hello(helloName(conn)); err != nil {
		return "send EHLO", err
	}
	if s.TLS == StartTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return "secure the connection", errors.New(`the server does not offer STARTTLS; set tls = "tls" if it wants TLS from the first byte`)
		}
		if err := c.StartTLS(s.tlsConfig()); err != nil {
			return "secure the connection", err
		}
	}
	if s.Username == "" {
		return "", nil
	}
	if s.TLS == ClearText && !isLoopback(conn.RemoteAddr()) {
		return "log in", &Error{Permanent: true, Message: "the password is not sent without TLS to another machine"}
	}
	auth, err := s.auth(c)
	if err == nil {
		err = c.Auth(auth)
	}
	return "log in", err
}

// auth returns the best authentication mechanism that the server offers.
func (s *SMTP) auth(c *smtp.Client) (smtp.Auth, error) {
	_, offered := c.Extension("AUTH")
	for _, mechanism := range []struct {
		name string
		auth smtp.Auth
	}{
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(s.Username, s.Password)},
		{"SCRAM-SHA-1", smtp.ScramSHA1Auth(s.Username, s.Password)},
		{"PLAIN", smtp.PlainAuth("", s.Username, s.Password, s.Host, true)}, // begin has secured the connection
		{"LOGIN", smtp.LoginAuth(s.Username, s.Password, s.Host, true)},
		{"CRAM-MD5", smtp.CRAMMD5Auth(s.Username, s.Password)},
	} {
		if slices.Contains(strings.Fields(strings.ToUpper(offered)), mechanism.name) {
			return mechanism.auth, nil
		}
	}
	return nil, fmt.Errorf("the server offers no way to log in that is known here (it offers: %q)", offered)
}

// envelope starts a mail transaction (RFC 5321 section 3.3). Refused recipients do not keep the mail from the others.
func (s *SMTP) envelope(ctx context.Context, c *smtp.Client, from string, to []string) (accepted []string, refused []Refusal, err error) {
	if err := c.Mail("<" + Path(from) + ">"); err != nil {
		return nil, nil, s.explain(ctx, "send from "+from, err)
	}
	for _, a := range to {
		var no *Error
		switch err := s.explain(ctx, "send to "+a, c.Rcpt("<"+Path(a)+">")); {
		case err == nil:
			accepted = append(accepted, a)
		case errors.As(err, &no):
			refused = append(refused, Refusal{a, no})
		default:
			return nil, nil, err
		}
	}
	return accepted, refused, nil
}

func (s *SMTP) data(ctx context.Context, c *smtp.Client, text []byte) error {
	w, err := c.Data()
	if err != nil {
		return s.explain(ctx, "send the text", err)
	}
	if _, err := w.Write(text); err != nil {
		return s.explain(ctx, "send the text", err)
	}
	return s.explain(ctx, "wait for the reply to the text", w.Close())
}

// explain returns the error of a step: an *Error if the server replied.
func (s *SMTP) explain(ctx context.Context, step string, err error) error {
	if err == nil {
		return nil
	}
	var reply *textproto.Error
	var own *Error
	switch {
	case errors.As(err, &own):
		return &Error{Permanent: own.Permanent, Message: fmt.Sprintf("mail server %s: %s: %s", s.Addr(), step, own.Message)}
	case errors.As(err, &reply):
		return &Error{Code: reply.Code, Permanent: reply.Code >= 500, Message: fmt.Sprintf(
			"mail server %s: %s: %d %.300s", s.Addr(), step, reply.Code, HeaderText(reply.Msg))}
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	return fmt.Errorf("mail server %s: %s: %w", s.Addr(), step, err)
}

// patientConn fails when one read or write takes longer than replyTimeout.
type patientConn struct{ net.Conn }

func (c *patientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(replyTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *patientConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(replyTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// helloName returns the machine's full name, or its address in the form of RFC 5321 section 4.1.3 if there is none.
func helloName(conn net.Conn) string {
	if name, err := os.Hostname(); err == nil && dotAtom.MatchString(name) && strings.Contains(name, ".") {
		return name
	}
	host, _, err := net.SplitHostPort(conn.LocalAddr().String())
	if err != nil {
		return "localhost"
	}
	if strings.Contains(host, ":") {
		host = "IPv6:" + host
	}
	return "[" + host + "]"
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
