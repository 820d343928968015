package snsmessage

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// authority issues certificates.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func newAuthority(t testing.TB, name string, by *authority) *authority {
	t.Helper()
	a := &authority{key: newECKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: testTime.AddDate(-1, 0, 0), NotAfter: testTime.AddDate(9, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	parent, key := template, a.key
	if by != nil {
		parent, key = by.certificate, by.key
	}
	a.certificate = mustCreate(t, template, parent, a.key.Public(), key)
	return a
}

func newECKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func mustCreate(t testing.TB, template, parent *x509.Certificate, public, private any) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// issue returns a certificate for sns.amazonaws.com after applying change.
func (a *authority) issue(t testing.TB, public crypto.PublicKey, change func(c *x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "sns.amazonaws.com"}, DNSNames: []string{"sns.amazonaws.com"},
		NotBefore: testTime.AddDate(0, 0, -10), NotAfter: testTime.AddDate(0, 0, 10), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(template)
	}
	return mustCreate(t, template, a.certificate, public, a.key)
}

func pool(certificates ...*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certificates {
		p.AddCert(c)
	}
	return p
}

func encode(certificates ...*x509.Certificate) []byte {
	var text []byte
	for _, c := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}

func TestCertificateIsChecked(t *testing.T) {
	root, stranger := newAuthority(t, "root", nil), newAuthority(t, "stranger", nil)
	middle := newAuthority(t, "middle", root)
	rsaKey := signing().key.Public()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		body   []byte
		reason string
	}{
		"good":                {encode(root.issue(t, rsaKey, nil)), ""},
		"for the host":        {encode(root.issue(t, rsaKey, func(c *x509.Certificate) { c.DNSNames = []string{testHost} })), ""},
		"with its issuer":     {encode(middle.issue(t, rsaKey, nil), middle.certificate), ""},
		"text around it":      {[]byte("subject=x\n" + string(encode(root.issue(t, rsaKey, nil))) + "the end"), ""},
		"for email only":      {encode(root.issue(t, rsaKey, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} })), ""},
		"without its issuer":  {encode(middle.issue(t, rsaKey, nil)), certInvalid}, // and no verified TLS connection
		"expired":             {encode(root.issue(t, rsaKey, func(c *x509.Certificate) { c.NotAfter = testTime.Add(-time.Second) })), certInvalid},
		"not valid yet":       {encode(root.issue(t, rsaKey, func(c *x509.Certificate) { c.NotBefore = testTime.Add(time.Second) })), certInvalid},
		"for another host":    {encode(root.issue(t, rsaKey, func(c *x509.Certificate) { c.DNSNames = []string{"sns.us-east-1.amazonaws.com"} })), certInvalid},
		"only a common name":  {encode(root.issue(t, rsaKey, func(c *x509.Certificate) { c.DNSNames = nil })), certInvalid},
		"elliptic curve":      {encode(root.issue(t, newECKey(t).Public(), nil)), certInvalid},
		"1024 bits":           {encode(root.issue(t, small.Public(), nil)), certInvalid},
		"unknown issuer":      {encode(stranger.issue(t, rsaKey, nil), stranger.certificate), certInvalid},
		"signed by itself":    {signing().certificate, certInvalid},
		"no PEM":              {[]byte("<html>"), certInvalid},
		"empty":               {nil, certInvalid},
		"PEM of a key":        {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}), certInvalid},
		"PEM of no meaning":   {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), certInvalid},
		"issuer without mean": {append(encode(root.issue(t, rsaKey, nil)), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE"})...), certInvalid},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			v := mustVerifier(t, testPolicy, Options{Transport: respondWith(200, test.body), Roots: pool(root.certificate)})
			wantRefused(t, v.Verify(t.Context(), signedMessage(t, "2", nil)), test.reason)
		})
	}
}

func TestInsecureHostsMayServeAnyCurrentCertificate(t *testing.T) {
	stranger := newAuthority(t, "stranger", nil)
	cases := map[string]struct {
		change func(c *x509.Certificate)
		reason string
	}{
		"unknown issuer, other name": {func(c *x509.Certificate) { c.DNSNames = nil }, ""},
		"expired":                    {func(c *x509.Certificate) { c.NotAfter = testTime.Add(-time.Second) }, certInvalid},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			net := respondWith(200, encode(stranger.issue(t, signing().key.Public(), test.change)))
			v := mustVerifier(t, Policy{Topics: testPolicy.Topics, InsecureCertHosts: []string{"localhost:4100"}}, Options{Transport: net, Roots: pool()})
			m := signedMessage(t, "1", nil)
			m.SigningCertURL = "http://localhost:4100/SimpleNotificationService/1.pem"
			wantRefused(t, v.Verify(t.Context(), m), test.reason)
			net.want(t, 1)
			m.SigningCertURL = "http://localhost:4101/SimpleNotificationService/1.pem"
			wantRefused(t, v.Verify(t.Context(), m), certURL)
			net.want(t, 1)
		})
	}
}

// Amazon serves its certificate without the issuer. The issuer then comes from the TLS connection, or the verified
// connection is proof enough.
func TestCertificateWithoutItsIssuerOverTLS(t *testing.T) {
	root, stranger := newAuthority(t, "root", nil), newAuthority(t, "stranger", nil)
	middle, other := newAuthority(t, "middle", root), newAuthority(t, "other", root)
	rsaKey := signing().key.Public()
	cases := map[string]struct {
		body   []byte
		reason string
	}{
		"issuer of the connection": {encode(middle.issue(t, rsaKey, nil)), ""},
		"another issuer":           {encode(other.issue(t, rsaKey, nil)), ""},
		"unknown issuer, brought":  {encode(stranger.issue(t, rsaKey, nil), stranger.certificate), certInvalid},
		"signed by itself":         {signing().certificate, certInvalid},
		"another name":             {encode(other.issue(t, rsaKey, func(c *x509.Certificate) { c.DNSNames = []string{"evil.com"} })), certInvalid},
		"expired":                  {encode(other.issue(t, rsaKey, func(c *x509.Certificate) { c.NotAfter = testTime.Add(-time.Second) })), certInvalid},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			transport := amazonOverTLS(t, root, middle, test.body)
			v := mustVerifier(t, testPolicy, Options{Transport: transport, Roots: pool(root.certificate)})
			wantRefused(t, v.Verify(t.Context(), signedMessage(t, "2", nil)), test.reason)
		})
	}
}

// amazonOverTLS returns a transport that reaches a server with a certificate of the test host, issued by middle.
func amazonOverTLS(t *testing.T, root, middle *authority, body []byte) *http.Transport {
	t.Helper()
	key := newECKey(t)
	leaf := middle.issue(t, key.Public(), func(c *x509.Certificate) { c.DNSNames = []string{testHost} })
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw, middle.certificate.Raw}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	transport := newTransport(pool(root.certificate), nil)
	transport.TLSClientConfig.Time = func() time.Time { return testTime }
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	return transport
}

func TestConcurrentCallersShareOneFetch(t *testing.T) {
	m := signedMessage(t, "2", nil)
	trusted := roots(t, signing().certificate)
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		net := &fakeTransport{respond: func(r *http.Request) (*http.Response, error) {
			<-release
			return respond(r, 200, signing().certificate), nil
		}}
		v := mustVerifier(t, testPolicy, Options{Transport: net, Roots: trusted})
		gone, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 100 {
			ctx := t.Context()
			if i%2 == 0 {
				ctx = gone // a sender that disconnects must not cancel the shared fetch
			}
			all.Go(func() { wantRefused(t, v.Verify(ctx, m), "") })
		}
		synctest.Wait()
		cancel()
		close(release)
		all.Wait()
		net.want(t, 1)
	})
}

func TestCertificateCache(t *testing.T) {
	root := newAuthority(t, "root", nil)
	rsaKey := signing().key.Public()
	until := func(d time.Duration) []byte {
		return encode(root.issue(t, rsaKey, func(c *x509.Certificate) { c.NotAfter = testTime.Add(d) }))
	}
	cases := map[string]struct {
		net    *fakeTransport
		reason string // of a refusal, "temporary", or empty
		keep   time.Duration
	}{
		"good":         {respondWith(200, until(72*time.Hour)), "", 24 * time.Hour},
		"soon to end":  {respondWith(200, until(time.Hour)), "", time.Hour},
		"invalid":      {respondWith(200, []byte("x")), certInvalid, time.Minute},
		"server error": {respondWith(503, nil), "temporary", 5 * time.Second},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			now := &clock{now: testTime}
			v := mustVerifier(t, testPolicy, Options{Transport: test.net, Roots: pool(root.certificate), Now: now.Now})
			verify := func(requests int64, reason string) {
				t.Helper()
				err := v.Verify(t.Context(), signedMessage(t, "2", nil))
				if reason == "temporary" {
					wantTemporary(t, err, "fetch signing certificate")
				} else {
					wantRefused(t, err, reason)
				}
				test.net.want(t, requests)
			}
			verify(1, test.reason)
			now.advance(test.keep - time.Second)
			verify(1, test.reason)
			now.advance(2 * time.Second)
			if name == "soon to end" {
				test.reason = certInvalid
			}
			verify(2, test.reason)
		})
	}
}

// Anybody can invent certificate URLs. That must neither evict the certificate in use nor fill the memory.
func TestInventedURLsEvictNoCertificate(t *testing.T) {
	good := signedMessage(t, "2", nil)
	net := &fakeTransport{respond: func(r *http.Request) (*http.Response, error) {
		switch {
		case r.URL.String() == testCertURL:
			return respond(r, 200, signing().certificate), nil
		case strings.HasSuffix(r.URL.Path, "0.pem"):
			return respond(r, 200, nil), nil
		default:
			return respond(r, 404, nil), nil
		}
	}}
	v := mustVerifier(t, testPolicy, Options{Transport: net, Roots: roots(t, signing().certificate)})
	wantRefused(t, v.Verify(t.Context(), good), "")
	const invented = 4 * maxCacheSize
	for i := range invented {
		m := *good
		m.SigningCertURL = fmt.Sprintf("https://%s/SimpleNotificationService-%032x.pem", testHost, i)
		if v.Verify(t.Context(), &m) == nil {
			t.Fatal("taken")
		}
	}
	net.want(t, 1+invented)
	if n := len(v.certificates.cached); n > maxCacheSize {
		t.Errorf("%d remembered", n)
	}
	wantRefused(t, v.Verify(t.Context(), good), "")
	net.want(t, 1+invented)
}
