package snsmessage

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pointsman/pointsman/core/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testTopic   = "arn:aws:sns:ap-northeast-1:123456789012:reporting-topic"
	testHost    = "sns.ap-northeast-1.amazonaws.com"
	testCertURL = "https://" + testHost + "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
)

var testPolicy = Policy{Topics: []string{testTopic}}

// testTime is shortly after the vectors were sent.
var testTime = time.Date(2024, 5, 1, 13, 0, 30, 0, time.UTC)

// fakeTransport responds without a network and counts requests.
type fakeTransport struct {
	requests atomic.Int64
	respond  func(*http.Request) (*http.Response, error)
}

func (i *fakeTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	i.requests.Add(1)
	return i.respond(r)
}

func (i *fakeTransport) want(t *testing.T, requests int64) {
	t.Helper()
	if got := i.requests.Load(); got != requests {
		t.Errorf("%d outgoing requests, want %d", got, requests)
	}
}

func respondWith(status int, body []byte) *fakeTransport {
	return &fakeTransport{respond: func(r *http.Request) (*http.Response, error) {
		return respond(r, status, body), nil
	}}
}

func respond(r *http.Request, status int, body []byte) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}
}

// quiet discards the error log of a test server.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// clock is a Now that a test advances.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func mustVerifier(t testing.TB, p Policy, o Options) *Verifier {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return testTime }
	}
	v, err := NewVerifier(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// signing returns the signer that all tests share, because generating its key is slow.
var signing = sync.OnceValue(func() *signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"sns.amazonaws.com"}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: testTime.AddDate(-1, 0, 0), NotAfter: testTime.AddDate(9, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &signer{key: key, certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
})

// signer signs as SNS does.
type signer struct {
	key         *rsa.PrivateKey
	certificate []byte // PEM
}

func (s *signer) sign(t testing.TB, m *Message, version string) {
	t.Helper()
	m.SignatureVersion, m.SigningCertURL = version, testCertURL
	hash, digest := m.Digest()
	signature, err := rsa.SignPKCS1v15(nil, s.key, hash, digest)
	if err != nil {
		t.Fatal(err)
	}
	m.Signature = base64.StdEncoding.EncodeToString(signature)
}

// roots returns a pool of one certificate in PEM.
func roots(t testing.TB, certificate []byte) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(certificate) {
		t.Fatal("no certificate")
	}
	return pool
}

// verifierOf returns a verifier that gets the shared signer's certificate from every URL.
func verifierOf(t testing.TB, p Policy) (*Verifier, *fakeTransport) {
	t.Helper()
	net := respondWith(http.StatusOK, signing().certificate)
	return mustVerifier(t, p, Options{Transport: net, Roots: roots(t, signing().certificate)}), net
}

// signedMessage returns a notification that the shared signer signed after change.
func signedMessage(t testing.TB, version string, change func(m *Message)) *Message {
	t.Helper()
	m := &Message{
		Type: Notification, MessageID: "0a1b2c3d-0000-5000-8000-000000000009", TopicARN: testTopic, Message: "hello",
		Timestamp: "2024-05-01T12:59:59.000Z",
	}
	if change != nil {
		change(m)
	}
	signing().sign(t, m, version)
	return m
}

func confirmation(m *Message) {
	m.Type, m.Token = SubscriptionConfirmation, "tok0123456789"
	m.SubscribeURL = "https://" + testHost + "/?Action=ConfirmSubscription&TopicArn=" + testTopic + "&Token=tok0123456789"
}

func readTestdata(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func mustParse(t testing.TB, body []byte) *Message {
	t.Helper()
	m, err := Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// wantRefused checks that err is a refusal with that reason, or nil if the reason is empty.
func wantRefused(t *testing.T, err error, reason string) {
	t.Helper()
	refusal, ok := errors.AsType[*source.Refused](err)
	switch {
	case reason == "" && err != nil:
		t.Errorf("got %v, want success", err)
	case reason != "" && !ok:
		t.Errorf("got %v, want a refusal: %s", err, reason)
	case reason != "" && (refusal.Reason != reason || refusal.Status != http.StatusForbidden):
		t.Errorf("refused with %d %s, want 403 %s", refusal.Status, refusal.Reason, reason)
	}
}

// wantTemporary checks that err is neither nil nor a refusal, and contains says.
func wantTemporary(t *testing.T, err error, says string) {
	t.Helper()
	if _, refused := errors.AsType[*source.Refused](err); err == nil || refused || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, want an error that says %q and refuses nothing", err, says)
	}
}
