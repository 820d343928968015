package snsmessage

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// How long is remembered what a location had to say, and of how many.
const (
	keepGood      = 24 * time.Hour
	keepInvalid   = time.Minute
	keepTrouble   = 5 * time.Second
	maxRemembered = 64
)

// certificates fetches signing certificates, each once.
type certificates struct {
	client  *client
	roots   *x509.CertPool
	now     func() time.Time
	log     *slog.Logger
	flights singleflight.Group

	mu    sync.Mutex
	known map[string]remembered // by URL
}

// remembered is what became of a fetch: a key or an error.
type remembered struct {
	key   *rsa.PublicKey
	err   error
	until time.Time
}

func newCertificates(c *client, o Options) *certificates {
	return &certificates{client: c, roots: o.Roots, now: o.Now, log: o.Log, known: map[string]remembered{}}
}

// key returns the key of the certificate at l. The error is *source.Refused when it must not be trusted. All who ask for one
// certificate at a time wait for one fetch, which therefore does not end with the request that began it.
func (c *certificates) key(ctx context.Context, l location) (*rsa.PublicKey, error) {
	if r, ok := c.recall(l); ok {
		return r.key, r.err
	}
	key, err, _ := c.flights.Do(l.url, func() (any, error) {
		r, ok := c.recall(l) // a flight may have landed since
		if !ok {
			r = c.fetch(context.WithoutCancel(ctx), l)
			c.remember(l, r)
		}
		return r.key, r.err
	})
	return key.(*rsa.PublicKey), err
}

func (c *certificates) recall(l location) (remembered, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.known[l.url]
	return r, ok && c.now().Before(r.until)
}

// remember makes room by what would be forgotten first. That is trouble before certificates, so nobody can drive out a
// certificate by inventing names.
func (c *certificates) remember(l location, r remembered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[l.url] = r
	if len(c.known) <= maxRemembered {
		return
	}
	first := l.url
	for url, r := range c.known {
		if r.until.Before(c.known[first].until) {
			first = url
		}
	}
	delete(c.known, first)
}

func (c *certificates) fetch(ctx context.Context, l location) remembered {
	a, err := c.client.get(ctx, l)
	now := c.now()
	if err != nil {
		return remembered{err: fmt.Errorf("fetch the signing certificate: %w", err), until: now.Add(keepTrouble)}
	}
	certificate, err := c.check(a, l, now)
	if err != nil {
		c.log.Warn("the signing certificate of an SNS message is invalid", "url", l.url, "error", err)
		return remembered{err: refuse(certInvalid), until: now.Add(keepInvalid)}
	}
	c.log.Info("signing certificate of SNS fetched", "url", l.url, "not_after", certificate.NotAfter)
	until := now.Add(keepGood)
	if certificate.NotAfter.Before(until) {
		until = certificate.NotAfter
	}
	return remembered{key: certificate.PublicKey.(*rsa.PublicKey), until: until}
}

// check returns the certificate of an answer, or why it must not be trusted.
func (c *certificates) check(a *answer, l location, now time.Time) (*x509.Certificate, error) {
	chain, err := parseChain(a.body)
	if err != nil {
		return nil, err
	}
	leaf := chain[0]
	const minBits = 2048
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() < minBits {
		return nil, fmt.Errorf("its key is not RSA of at least %d bits", minBits)
	}
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return nil, fmt.Errorf("it is valid from %s to %s", leaf.NotBefore, leaf.NotAfter)
	}
	if l.insecure {
		return leaf, nil
	}
	if leaf.VerifyHostname("sns.amazonaws.com") != nil && leaf.VerifyHostname(l.host) != nil {
		return nil, fmt.Errorf("it is neither for sns.amazonaws.com nor for %s", l.host)
	}
	return leaf, c.checkIssuer(leaf, chain[1:], a, now)
}

// checkIssuer follows the issuers of a certificate to a root. SNS serves its certificate without them. Those that come
// with the connection are tried too, and when the very first is not among them, Amazon's word for its own certificate
// counts: the connection is to Amazon, by name and by certificate.
func (c *certificates) checkIssuer(leaf *x509.Certificate, issuers []*x509.Certificate, a *answer, now time.Time) error {
	overTLS := a.tls != nil && len(a.tls.VerifiedChains) > 0
	if overTLS {
		issuers = append(issuers, a.tls.PeerCertificates[1:]...)
	}
	options := x509.VerifyOptions{Roots: c.roots, Intermediates: x509.NewCertPool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	missing := !bytes.Equal(leaf.RawIssuer, leaf.RawSubject)
	for _, i := range issuers {
		options.Intermediates.AddCert(i)
		missing = missing && !bytes.Equal(leaf.RawIssuer, i.RawSubject)
	}
	_, err := leaf.Verify(options)
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown && missing && overTLS {
		return nil
	}
	return err
}

func parseChain(text []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		chain = append(chain, certificate)
	}
	if len(chain) == 0 {
		return nil, errors.New("it is no certificate in PEM")
	}
	return chain, nil
}
