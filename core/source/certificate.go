package source

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// TLS configures the certificate of a Server.
type TLS struct {
	// CertFile holds the certificate and its intermediates, KeyFile the private key (PEM).
	CertFile, KeyFile string
	// MinVersion is the lowest protocol version accepted, a constant of crypto/tls.
	MinVersion uint16
}

// recheckInterval limits how often a handshake checks whether the files have changed.
const recheckInterval = 5 * time.Second

// certificate reloads a certificate and key when the files change. While the new pair cannot be loaded, new connections get
// the old one.
type certificate struct {
	files TLS
	log   *slog.Logger
	now   func() time.Time

	mu        sync.Mutex // guards all fields below
	current   *tls.Certificate
	loaded    [2]fileState
	checkedAt time.Time
}

// fileState identifies a version of a file.
type fileState struct {
	modified time.Time
	size     int64
}

// newTLSConfig loads the pair.
func newTLSConfig(t *TLS, log *slog.Logger) (*tls.Config, error) {
	c := &certificate{files: *t, log: log, now: time.Now}
	if err := c.load(c.stat()); err != nil {
		return nil, fmt.Errorf("load the server's certificate: %w", err)
	}
	return &tls.Config{
		MinVersion: t.MinVersion,
		// WebSockets need HTTP/1.1, and all sources share this listener.
		NextProtos:     []string{"http/1.1"},
		GetCertificate: c.get,
	}, nil
}

// get implements tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.checkedAt) >= recheckInterval {
		c.checkedAt = now
		if found := c.stat(); found != c.loaded {
			c.renew(found)
		}
	}
	return c.current, nil
}

// renew loads the changed files. Certificate and key are rarely replaced at the same instant: a mismatched pair fails to
// load, and the next check tries again.
func (c *certificate) renew(found [2]fileState) {
	if err := c.load(found); err != nil {
		c.log.Warn("cannot load the renewed certificate, still using the old one", "cert_file", c.files.CertFile, "err", err)
		return
	}
	c.log.Info("certificate renewed", "cert_file", c.files.CertFile, "not_after", c.current.Leaf.NotAfter)
}

func (c *certificate) load(found [2]fileState) error {
	pair, err := tls.LoadX509KeyPair(c.files.CertFile, c.files.KeyFile)
	if err != nil {
		return err
	}
	c.current, c.loaded = &pair, found
	return nil
}

// stat returns the zero state for a file that cannot be read.
func (c *certificate) stat() (s [2]fileState) {
	for i, name := range []string{c.files.CertFile, c.files.KeyFile} {
		if info, err := os.Stat(name); err == nil {
			s[i] = fileState{modified: info.ModTime(), size: info.Size()}
		}
	}
	return s
}
