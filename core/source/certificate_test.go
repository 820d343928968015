package source

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writePair creates a certificate for name and writes it and its key.
func writePair(t *testing.T, files *TLS, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, files.KeyFile, "PRIVATE KEY", private)
	writePEM(t, files.CertFile, "CERTIFICATE", der)
}

func writePEM(t *testing.T, name, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func newPair(t *testing.T, name string) *TLS {
	dir := t.TempDir()
	files := &TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"), MinVersion: tls.VersionTLS12}
	writePair(t, files, name)
	return files
}

func TestServerSpeaksTLS(t *testing.T) {
	f := newFixture(t, &store{})
	files := newPair(t, "first")
	files.MinVersion = tls.VersionTLS13
	server, err := NewServer(ServerOptions{Sources: []Source{f}, Log: f.options.Log, Metrics: f.m, TLS: files})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- server.Run(ctx, l) }()
	get := func(most uint16) (*http.Response, error) {
		transport := &http.Transport{
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, MaxVersion: most}, //nolint:gosec // it signed itself
			DisableKeepAlives: true,
		}
		return (&http.Client{Transport: transport}).Get("https://" + l.Addr().String() + "/hooks/test")
	}
	resp, err := get(0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if name := resp.TLS.PeerCertificates[0].Subject.CommonName; resp.StatusCode != 200 || name != "first" || resp.ProtoMajor != 1 {
		t.Errorf("answer %d by %q over HTTP/%d", resp.StatusCode, name, resp.ProtoMajor)
	}
	if resp, err := get(tls.VersionTLS12); err == nil {
		_ = resp.Body.Close()
		t.Error("TLS 1.2 is spoken although 1.3 is the lowest")
	}
	stop()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestCertificateIsRenewed(t *testing.T) {
	f := newFixture(t, &store{})
	files := newPair(t, "first")
	now := time.Now()
	c := &certificate{files: *files, log: f.options.Log, now: func() time.Time { return now }}
	if err := c.load(c.stat()); err != nil {
		t.Fatal(err)
	}
	want := func(name string) {
		t.Helper()
		now = now.Add(recheckInterval)
		got, err := c.get(nil)
		if err != nil || got.Leaf.Subject.CommonName != name {
			t.Errorf("certificate of %v, %v; want %s", got.Leaf.Subject, err, name)
		}
	}
	want("first")
	if err := os.WriteFile(files.KeyFile, []byte("half a renewal"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("first")
	if !strings.Contains(string(f.log.Bytes()), "still using the old one") {
		t.Errorf("log: %s", f.log.Bytes())
	}
	writePair(t, files, "second, with a longer name")
	want("second, with a longer name")
	if err := os.Remove(files.CertFile); err != nil {
		t.Fatal(err)
	}
	want("second, with a longer name")
}

func TestServerRefusesAnUnusableCertificate(t *testing.T) {
	f := newFixture(t, &store{})
	files := newPair(t, "first")
	files.KeyFile = files.CertFile
	if _, err := NewServer(ServerOptions{Log: f.options.Log, Metrics: f.m, TLS: files}); err == nil || !strings.Contains(err.Error(), "load the server's certificate") {
		t.Errorf("NewServer: %v", err)
	}
}
