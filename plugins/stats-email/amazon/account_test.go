package amazon

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
	"github.com/pointsman/pointsman/plugins/stats-email/amazon/amazontest"
	"github.com/pointsman/pointsman/plugins/stats-email/mail"
	"github.com/pointsman/pointsman/plugins/stats-email/mail/mailtest"
)

const statsText = "Average: 99.506109\nUnbiased Variance: 243.961858\n"

// message is that of the documented examples.
func message() *mail.Message {
	return &mail.Message{
		ID: "01K2-delivery", Attempt: 1, Rule: "stats", Subject: "Measurement finished", Text: statsText,
		From: &netmail.Address{Address: "router@example.jp"}, To: []*netmail.Address{{Address: "ops@example.jp"}},
	}
}

// withKeys is an account that the test servers know.
func withKeys(endpoint string) Account {
	return Account{
		Region: amazontest.Region, Endpoint: endpoint,
		AccessKey: schema.NewSecret(amazontest.AccessKey), SecretKey: schema.NewSecret(amazontest.SecretKey),
	}
}

func topic(t testing.TB, a Account) *Topic {
	t.Helper()
	out, err := OpenTopic(t.Context(), a, amazontest.Topic, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	return out
}

// noEnvironment hides what the machine that runs the test has for Amazon's tools.
func noEnvironment(t *testing.T) {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// Keys are found where Amazon's tools find them.
func TestKeysThatAreNotSet(t *testing.T) {
	for name, set := range map[string]func(*testing.T){
		"environment": func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", amazontest.AccessKey)
			t.Setenv("AWS_SECRET_ACCESS_KEY", amazontest.SecretKey)
			t.Setenv("AWS_SESSION_TOKEN", amazontest.SessionToken)
		},
		"file": func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "credentials")
			text := "[default]\naws_access_key_id = " + amazontest.AccessKey + "\naws_secret_access_key = " + amazontest.SecretKey + "\n"
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			noEnvironment(t)
			set(t)
			server := amazontest.NewSNS(t, false)
			if _, err := topic(t, Account{Region: amazontest.Region, Endpoint: server.URL}).Send(t.Context(), message()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Without any keys nobody is asked. The machine's role may come later.
func TestNoKeys(t *testing.T) {
	noEnvironment(t)
	server := amazontest.NewSNS(t, false)
	_, err := topic(t, Account{Region: amazontest.Region, Endpoint: server.URL}).Send(t.Context(), message())
	var refusal *mail.Error
	if err == nil || errors.As(err, &refusal) || !strings.Contains(err.Error(), "credentials") {
		t.Errorf("got %v", err)
	}
}

func TestSessionToken(t *testing.T) {
	server := amazontest.NewSNS(t, false)
	a := withKeys(server.URL)
	a.SessionToken = schema.NewSecret(amazontest.SessionToken)
	if _, err := topic(t, a).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if got := server.Taken()[0].Header.Get("X-Amz-Security-Token"); got != amazontest.SessionToken {
		t.Errorf("got %q", got)
	}
}

// The variable adds authorities to trust: both with keys and without.
func TestCABundle(t *testing.T) {
	cert := mailtest.NewCert(t)
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, cert.CertPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	noEnvironment(t)
	t.Setenv("AWS_CA_BUNDLE", path)
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	server := httptest.NewUnstartedServer(answer)
	server.TLS = cert.Config(t)
	server.StartTLS()
	t.Cleanup(server.Close)
	_, err := topic(t, withKeys(server.URL)).Send(t.Context(), message())
	var refusal *mail.Error
	if !errors.As(err, &refusal) || refusal.Code != http.StatusServiceUnavailable {
		t.Errorf("got %v, want the answer of a server that the bundle vouches for", err)
	}
}

// A page of something else at the endpoint is no answer, however long.
func TestNotAmazon(t *testing.T) {
	for name, status := range map[string]int{"fine": 200, "moved": 301, "forbidden": 403, "bad gateway": 502} {
		t.Run(name, func(t *testing.T) {
			sns, ses := amazontest.NewSNS(t, false), amazontest.NewSES(t)
			for _, raw := range []string{"<html><body>A page</body></html>", strings.Repeat("x", maxAnswer+1)} {
				sns.Fail(amazontest.Fault{Status: status, Raw: raw})
				_, err := topic(t, withKeys(sns.URL)).Send(t.Context(), message())
				checkPasses(t, err)
				ses.Fail(amazontest.Fault{Status: status, Raw: raw})
				_, err = open(t, withKeys(ses.URL)).Send(t.Context(), message())
				checkPasses(t, err)
			}
		})
	}
}

func checkPasses(t *testing.T, err error) {
	t.Helper()
	var refusal *mail.Error
	if err == nil || errors.As(err, &refusal) && refusal.Permanent || len(err.Error()) > 1000 {
		t.Errorf("got %.2000v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + listener.Addr().String()
	_ = listener.Close()
	_, err = topic(t, withKeys(endpoint)).Send(t.Context(), message())
	checkPasses(t, err)
	if !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

// The library does not try again by itself: the router does.
func TestOneAttempt(t *testing.T) {
	server := amazontest.NewSNS(t, false)
	server.Fail(amazontest.Fault{Status: 500, Code: "InternalError", Message: "canary"})
	out := topic(t, withKeys(server.URL))
	if _, err := out.Send(t.Context(), message()); err == nil {
		t.Error("the first attempt did not fail")
	}
	if _, err := out.Send(t.Context(), message()); err != nil || len(server.Taken()) != 1 {
		t.Errorf("%d taken, %v", len(server.Taken()), err)
	}
}

// A call that nobody answers ends.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, err := OpenTopic(t.Context(), withKeys("http://sns.example.com"), amazontest.Topic, false)
		if err != nil {
			t.Fatal(err)
		}
		out.transport.Proxy = nil
		near, far := net.Pipe()
		defer func() { _ = far.Close() }()
		out.transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return near, nil }
		began := time.Now()
		_, err = out.Send(t.Context(), message())
		checkPasses(t, err)
		if took := time.Since(began); took != callTimeout || !strings.HasSuffix(err.Error(), "no answer within 15s: context deadline exceeded") {
			t.Errorf("%s: %v", took, err)
		}
	})
}

func TestCancelled(t *testing.T) {
	server := amazontest.NewSNS(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := topic(t, withKeys(server.URL)).Send(ctx, message())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestBackoff(t *testing.T) {
	for attempt, least := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 1000: maxBackoff / 2} {
		if d := backoff(attempt); d < least || d >= 2*least {
			t.Errorf("attempt %d: %s", attempt, d)
		}
	}
}
