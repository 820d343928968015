package source

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// TLS is how a Server proves who it is.
type TLS struct {
	// CertFile holds the certificate and its issuers, KeyFile its private key (PEM).
	CertFile, KeyFile string
	// MinVersion is the lowest version spoken, one of crypto/tls's.
	MinVersion uint16
}

// lookAgain is how often the files are looked at, at most: at a handshake, when the last look is older.
const lookAgain = 5 * time.Second

// certificate is a pair of files. When they are renewed, new connections get the new one; as long as the new one can't be
// read, the old one.
type certificate struct {
	files TLS
	log   *slog.Logger
	now   func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	stamp   [2]stamp
	looked  time.Time
}

// stamp tells one state of a file from another.
type stamp struct {
	modified time.Time
	size     int64
}

// newTLSConfig loads the pair.
func newTLSConfig(t *TLS, log *slog.Logger) (*tls.Config, error) {
	c := &certificate{files: *t, log: log, now: time.Now}
	if err := c.load(c.stampNow()); err != nil {
		return nil, fmt.Errorf("load the server's certificate: %w", err)
	}
	return &tls.Config{
		MinVersion: t.MinVersion,
		// WebSockets need HTTP/1.1, and one listener speaks one version.
		NextProtos:     []string{"http/1.1"},
		GetCertificate: c.get,
	}, nil
}

// get implements tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= lookAgain {
		c.looked = now
		if found := c.stampNow(); found != c.stamp {
			c.renew(found)
		}
	}
	return c.current, nil
}

// renew loads what has changed. Certificate and key are seldom renewed at one instant: half a renewal fails, and is tried
// again at the next look.
func (c *certificate) renew(found [2]stamp) {
	if err := c.load(found); err != nil {
		c.log.Warn("the renewed certificate cannot be used; going on with the old one", "cert_file", c.files.CertFile, "err", err)
		return
	}
	c.log.Info("certificate renewed", "cert_file", c.files.CertFile, "not_after", c.current.Leaf.NotAfter)
}

func (c *certificate) load(found [2]stamp) error {
	pair, err := tls.LoadX509KeyPair(c.files.CertFile, c.files.KeyFile)
	if err != nil {
		return err
	}
	c.current, c.stamp = &pair, found
	return nil
}

// stampNow is zero for a file that can't be seen.
func (c *certificate) stampNow() (s [2]stamp) {
	for i, name := range []string{c.files.CertFile, c.files.KeyFile} {
		if info, err := os.Stat(name); err == nil {
			s[i] = stamp{modified: info.ModTime(), size: info.Size()}
		}
	}
	return s
}
