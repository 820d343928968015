// Package mailtest runs real mail servers for tests: one in the process, with faults on demand, and Exim.
package mailtest

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Credentials that the servers take.
const (
	Username = "pointsman"
	Password = "canary-mail-password"
)

// Options shape a Server. The zero value offers STARTTLS and demands a login.
type Options struct {
	// ImplicitTLS expects TLS from the first byte.
	ImplicitTLS bool
	// NoTLS never offers STARTTLS and takes passwords in clear text.
	NoTLS bool
	// NoAuth takes mail from anybody and offers no login.
	NoAuth bool
	// Mail, Rcpt and Data decide about a sender, a recipient and a received text; nil takes all.
	Mail, Rcpt func(address string) error
	Data       func() error
	// CutAfterData closes the connection in place of the answer to so many texts, which it has taken.
	CutAfterData int
	// Block, while open, keeps every MAIL FROM waiting.
	Block <-chan struct{}
}

// Server is emersion/go-smtp on 127.0.0.1.
type Server struct {
	// Port it listens on.
	Port int
	// Cert that it shows.
	Cert Cert

	options Options
	mu      sync.Mutex
	mails   []Mail
	cuts    int
}

// Mail is one that the server has taken.
type Mail struct {
	From string
	To   []string
	Text string
}

// New starts a server. The test's cleanup stops it.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{Cert: NewCert(t), options: o, cuts: o.CutAfterData}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{server: s, conn: c}, nil }))
	server.Domain = "localhost"
	server.AllowInsecureAuth = o.NoTLS
	server.ErrorLog = log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Port = listener.Addr().(*net.TCPAddr).Port
	if o.ImplicitTLS {
		listener = tls.NewListener(listener, s.Cert.Config(t))
	} else if !o.NoTLS {
		server.TLSConfig = s.Cert.Config(t)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends by Close
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return s
}

// Mails returns what was taken so far.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// take stores a mail and tells whether to cut the connection.
func (s *Server) take(m Mail) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	s.cuts--
	return s.cuts >= 0
}

// session is one connection.
type session struct {
	server   *Server
	conn     *smtp.Conn
	loggedIn bool
	mail     Mail
}

func (s *session) AuthMechanisms() []string {
	if s.server.options.NoAuth {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != Username || password != Password {
			// Some servers repeat what they were given.
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no such user or password: " + password}
		}
		s.loggedIn = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.options.Block != nil {
		<-s.server.options.Block
	}
	if !s.loggedIn && !s.server.options.NoAuth {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "authentication required"}
	}
	s.mail = Mail{From: from}
	return decide(s.server.options.Mail, from)
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := decide(s.server.options.Rcpt, to); err != nil {
		return err
	}
	s.mail.To = append(s.mail.To, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.server.options.Data != nil {
		if err := s.server.options.Data(); err != nil {
			return err
		}
	}
	s.mail.Text = string(text)
	if s.server.take(s.mail) {
		_ = s.conn.Conn().Close()
		return errors.New("cut")
	}
	return nil
}

func (s *session) Reset()        { s.mail = Mail{} }
func (s *session) Logout() error { return nil }

func decide(f func(string) error, address string) error {
	if f == nil {
		return nil
	}
	return f(address)
}

// Reply is a server's refusal with this code.
func Reply(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: text}
}
