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
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// Size and TTLs of the certificate cache.
const (
	ttlValid     = 24 * time.Hour
	ttlInvalid   = time.Minute
	ttlFailed    = 5 * time.Second
	maxCacheSize = 64
)

// certificates fetches and caches signing certificates.
type certificates struct {
	client  *client
	roots   *x509.CertPool
	now     func() time.Time
	log     *slog.Logger
	fetches singleflight.Group // by URL

	mu     sync.Mutex
	cached map[string]cacheEntry // by URL; guarded by mu
}

// cacheEntry is the result of a fetch: a key or an error.
type cacheEntry struct {
	key     *rsa.PublicKey
	err     error
	expires time.Time
}

func newCertificates(c *client, o Options) *certificates {
	return &certificates{client: c, roots: o.Roots, now: o.Now, log: o.Log, cached: map[string]cacheEntry{}}
}

// key returns the key of the certificate at l. The error is *source.Refused if the certificate is not trusted. Concurrent
// callers share one fetch, so the fetch must not be canceled with the request that started it.
func (c *certificates) key(ctx context.Context, l location) (*rsa.PublicKey, error) {
	if e, ok := c.get(l); ok {
		return e.key, e.err
	}
	key, err, _ := c.fetches.Do(l.url, func() (any, error) {
		e, ok := c.get(l) // another fetch may have finished since
		if !ok {
			e = c.fetch(context.WithoutCancel(ctx), l)
			c.put(l, e)
		}
		return e.key, e.err
	})
	return key.(*rsa.PublicKey), err
}

func (c *certificates) get(l location) (cacheEntry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.cached[l.url]
	return e, ok && c.now().Before(e.expires)
}

// put evicts the entry that expires first if the cache is full. Errors expire before certificates, so inventing host names
// cannot evict a certificate.
func (c *certificates) put(l location, e cacheEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cached[l.url] = e
	if len(c.cached) <= maxCacheSize {
		return
	}
	first := l.url
	for url, e := range c.cached {
		if e.expires.Before(c.cached[first].expires) {
			first = url
		}
	}
	delete(c.cached, first)
}

// fetch downloads and checks a certificate. Errors are cached too, for a shorter time.
func (c *certificates) fetch(ctx context.Context, l location) cacheEntry {
	r, err := c.client.get(ctx, l)
	now := c.now()
	if err != nil {
		return cacheEntry{err: fmt.Errorf("fetch signing certificate: %w", err), expires: now.Add(ttlFailed)}
	}
	certificate, err := c.check(r, l, now)
	if err != nil {
		c.log.Warn("invalid SNS signing certificate", "url", l.url, "err", err)
		return cacheEntry{err: refuse(certInvalid), expires: now.Add(ttlInvalid)}
	}
	c.log.Info("fetched SNS signing certificate", "url", l.url, "not_after", certificate.NotAfter)
	expires := now.Add(ttlValid)
	if certificate.NotAfter.Before(expires) {
		expires = certificate.NotAfter
	}
	return cacheEntry{key: certificate.PublicKey.(*rsa.PublicKey), expires: expires}
}

// check returns the certificate in a response, or why it is not trusted.
func (c *certificates) check(r *response, l location, now time.Time) (*x509.Certificate, error) {
	chain, err := parseChain(r.body)
	if err != nil {
		return nil, err
	}
	leaf := chain[0]
	const minBits = 2048
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() < minBits {
		return nil, fmt.Errorf("the key is not RSA with at least %d bits", minBits)
	}
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return nil, fmt.Errorf("only valid from %s to %s", leaf.NotBefore, leaf.NotAfter)
	}
	if l.insecure {
		return leaf, nil
	}
	if !slices.ContainsFunc(l.names, func(name string) bool { return leaf.VerifyHostname(name) == nil }) {
		return nil, fmt.Errorf("issued for none of %s", strings.Join(l.names, ", "))
	}
	return leaf, c.checkIssuer(leaf, chain[1:], r, now)
}

// checkIssuer verifies the chain of a certificate up to a root. SNS serves its certificate without intermediates, so those
// of the TLS connection are tried as well. If the direct issuer is in neither, the verified TLS connection to an Amazon
// host is proof enough.
func (c *certificates) checkIssuer(leaf *x509.Certificate, issuers []*x509.Certificate, r *response, now time.Time) error {
	overTLS := r.tls != nil && len(r.tls.VerifiedChains) > 0
	if overTLS {
		issuers = append(issuers, r.tls.PeerCertificates[1:]...)
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

// parseChain parses the PEM certificates of a file, the leaf first.
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
		return nil, errors.New("not a certificate in PEM")
	}
	return chain, nil
}
