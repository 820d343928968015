package snssend

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/source/snsmessage"
)

const (
	testHost    = "sns.ap-northeast-1.amazonaws.com"
	testCertURL = "https://" + testHost + "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
)

func newTestSigner(t *testing.T, certURL string) *Signer {
	t.Helper()
	s, err := NewSigner(certURL)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A verifier that trusts the signer's certificate accepts what it signs, and parses the same message.
func TestSignerRoundTrip(t *testing.T) {
	confirmation := func(m *snsmessage.Message) {
		m.Type, m.Token = snsmessage.SubscriptionConfirmation, "tok0123456789"
		m.SubscribeURL = "https://" + testHost + "/?Action=ConfirmSubscription&TopicArn=" + testTopic + "&Token=tok0123456789"
	}
	changes := map[string]func(m *snsmessage.Message){
		"notification": func(*snsmessage.Message) {},
		"everything": func(m *snsmessage.Message) {
			m.Subject, m.HasSubject, m.Message = "Grüße <&>", true, "a\n\"b\"\x00🎉"
			m.UnsubscribeURL = "https://" + testHost + "/?Action=Unsubscribe&SubscriptionArn=x"
			m.Attributes = []snsmessage.Attribute{{Name: "a", Type: "String.Array", Value: `["x",1]`}, {Name: "z", Type: "String", Value: "1"}}
		},
		"empty subject": func(m *snsmessage.Message) { m.HasSubject = true },
		"confirmation":  confirmation,
		"unsubscribed":  func(m *snsmessage.Message) { confirmation(m); m.Type = snsmessage.UnsubscribeConfirmation },
		"empty message": func(m *snsmessage.Message) { m.Message = "" },
	}
	signer := newTestSigner(t, testCertURL)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(signer.Certificate())
	v := newVerifier(t, snsmessage.Policy{}, snsmessage.Options{Roots: roots, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(signer.Certificate())), Request: r}, nil
	})})
	for name, change := range changes {
		for _, version := range []string{"1", "2"} {
			want := &snsmessage.Message{
				Type: snsmessage.Notification, MessageID: "0a1b2c3d-0000-5000-8000-000000000009", TopicARN: testTopic, Message: "hello",
				Timestamp: "2024-05-01T12:59:59.000Z",
			}
			change(want)
			if err := signer.Sign(want, version); err != nil {
				t.Fatal(err)
			}
			got := mustParse(t, Body(want))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if err := v.Verify(t.Context(), got); err != nil {
				t.Errorf("%s, version %s: %v", name, version, err)
			}
		}
	}
}

func TestSignerMistakes(t *testing.T) {
	for _, raw := range []string{"", "x.pem", "http://[", "https:///x.pem"} {
		if _, err := NewSigner(raw); err == nil {
			t.Errorf("%q is accepted", raw)
		}
	}
	for _, version := range []string{"", "0", "3", "01"} {
		if err := newTestSigner(t, testCertURL).Sign(&snsmessage.Message{}, version); err == nil {
			t.Errorf("version %q is accepted", version)
		}
	}
}

func TestSignerCertificateIsForItsHost(t *testing.T) {
	for raw, host := range map[string]string{"http://127.0.0.1:4100/x.pem": "127.0.0.1", "https://localhost/x.pem": "localhost"} {
		block, _ := pem.Decode(newTestSigner(t, raw).Certificate())
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{host, "sns.amazonaws.com"} {
			if err := certificate.VerifyHostname(name); err != nil {
				t.Error(err)
			}
		}
	}
}

// FuzzBody looks for a message that is another one after Body and Parse.
func FuzzBody(f *testing.F) {
	names, err := filepath.Glob("../testdata/*.json")
	if err != nil || len(names) == 0 {
		f.Fatalf("%d vectors, %v", len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := snsmessage.Parse(body)
		if err != nil {
			return
		}
		again, err := snsmessage.Parse(Body(m))
		if err != nil {
			t.Fatal(err)
		}
		_, want := m.Digest()
		if _, got := again.Digest(); !bytes.Equal(got, want) {
			t.Fatalf("Body writes %+v as %+v", m, again)
		}
	})
}
