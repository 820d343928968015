package judge

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/core/source/snsmessage/snssend"
)

const (
	topic       = "arn:aws:sns:ap-northeast-1:123456789012:reporting-topic"
	host        = "sns.ap-northeast-1.amazonaws.com"
	certificate = "https://" + host + "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
)

// question is one body, and what is to be thought of it.
type question struct {
	name string
	body []byte
	good bool
	// strict: only we refuse it. lax: only we take it. The judge is asked all the same, so that a change is seen.
	strict, lax bool
}

// kinds are messages of every kind, as SNS sends them.
func kinds() map[string]snsmessage.Message {
	confirm := func(kind string) snsmessage.Message {
		return snsmessage.Message{
			Type: kind, Token: "2336412f37fb687f5d51e6e241d09c805a5a57b30d712f794cc5f6a988666d92", Message: "You have chosen to subscribe.\nVisit the SubscribeURL.",
			SubscribeURL: "https://" + host + "/?Action=ConfirmSubscription&TopicArn=" + topic + "&Token=2336412f37fb687f",
		}
	}
	return map[string]snsmessage.Message{
		"plain":        {Message: "test message"},
		"subject":      {Message: "test message", Subject: "Measurement finished"},
		"unicode":      {Message: "日本 & <x> 🎉 \u0000 \ufeff \u2028", Subject: "Grüße"},
		"line breaks":  {Message: "\nAverage: 99.506109\r\nSubject\nof the text\n\n", Subject: "s"},
		"escapes":      {Message: `"\" \u0041 \/ ` + "\t\b\f"},
		"long":         {Message: strings.Repeat("0123456789abcde\n", 200<<10/16)},
		"empty":        {Message: ""},
		"attributes":   {Message: "m", Attributes: []snsmessage.Attribute{{Name: "a", Type: "String", Value: "1"}}},
		"confirmation": confirm(snsmessage.SubscriptionConfirmation),
		"unsubscribed": confirm(snsmessage.UnsubscribeConfirmation),
	}
}

// changes are what may be done to a signed message on its way. Those of members that a message lacks change nothing.
var changes = map[string]func(m *snsmessage.Message){
	"Message":          func(m *snsmessage.Message) { m.Message += "." },
	"MessageId":        func(m *snsmessage.Message) { m.MessageID = "0a1b2c3d-0000-5000-8000-00000000000a" },
	"Subject":          func(m *snsmessage.Message) { m.Subject += "!" },
	"Timestamp":        func(m *snsmessage.Message) { m.Timestamp = "2024-05-01T12:34:56.790Z" },
	"TopicArn":         func(m *snsmessage.Message) { m.TopicARN = strings.Replace(topic, "reporting", "other", 1) },
	"Token":            func(m *snsmessage.Message) { m.Token += "0" },
	"SubscribeURL":     func(m *snsmessage.Message) { m.SubscribeURL += "0" },
	"Type":             func(m *snsmessage.Message) { m.Type = otherType(m.Type) },
	"SignatureVersion": func(m *snsmessage.Message) { m.SignatureVersion = otherVersion(m.SignatureVersion) },
	"version 3":        func(m *snsmessage.Message) { m.SignatureVersion = "3" },
	"Signature":        func(m *snsmessage.Message) { m.Signature = "AAAA" + m.Signature[4:] },
	"no signature":     func(m *snsmessage.Message) { m.Signature = "EXAMPLE" },
}

func otherType(kind string) string {
	if kind == snsmessage.Notification {
		return snsmessage.SubscriptionConfirmation
	}
	return snsmessage.Notification
}

func otherVersion(version string) string {
	if version == "1" {
		return "2"
	}
	return "1"
}

// places are where a certificate must not come from. SNS does not sign the place, so the signature stays good.
var places = map[string]bool{ // true: the judge takes it
	"http://" + host + "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem":   false,
	"https://example.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem":   false,
	"https://sns.evil.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem":  false,
	"https://" + host + ".evil.com/SimpleNotificationService-0123456789abcdef01.pem":       false,
	"https://evil.com/" + host + "/SimpleNotificationService-0123456789abcdef01.pem":       false,
	"https://sns-ap-northeast-1.amazonaws.com/SimpleNotificationService-0123456789ab.pem":  false,
	"https://sns.ap.northeast.amazonaws.com/SimpleNotificationService-0123456789abcd.pem":  false,
	"https://xsns.ap-northeast-1.amazonaws.com/SimpleNotificationService-0123456789a.pem":  false,
	"https://sns.x.amazonaws.com/SimpleNotificationService-0123456789abcdef012345678.pem":  false,
	"https://sns.ap-northeast-1.amazonaws.com.cn.evil.com/SimpleNotificationService-.pem":  false,
	"https://sns.ap-northeast-1.amazonaws.co/SimpleNotificationService-0123456789abc.pem":  false,
	"https://" + host + ":8443/SimpleNotificationService-0123456789abcdef0123456789a.pem":  false,
	"https://" + host + "/SimpleNotificationService-0123456789abcdef0123456789abcdef.crt":  false,
	"ftp://" + host + "/SimpleNotificationService-0123456789abcdef0123456789abcdef01.pem":  false,
	"file:///etc/ssl/SimpleNotificationService-0123456789abcdef0123456789abcdef012345.pem": false,
	// Hosts of Amazon, and nothing that its SNS of this region serves: only we look at path, region and user.
	"https://" + host + "/anything.pem": true,
	"https://" + host + "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem?x=.pem":           true,
	"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem":   true,
	"https://sns.ap-northeast-1.amazonaws.com.cn/SimpleNotificationService-0123456789abcdef0123456789.pem": true,
	"https://evil.com@" + host + "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem":         true,
}

func questions(t *testing.T, signer *snssend.Signer) (all []question) {
	t.Helper()
	for name, m := range kinds() {
		for _, version := range []string{"1", "2"} {
			m.Type = cmp.Or(m.Type, snsmessage.Notification)
			m.MessageID, m.TopicARN, m.Timestamp = "0a1b2c3d-0000-5000-8000-000000000001", topic, "2024-05-01T12:34:56.789Z"
			m.UnsubscribeURL = "https://" + host + "/?Action=Unsubscribe&SubscriptionArn=" + topic + ":1"
			if err := signer.Sign(&m, version); err != nil {
				t.Fatal(err)
			}
			named := name + ", version " + version
			all = append(all, about(named, m)...)
		}
	}
	return all
}

// about asks about a message and all that can be done to it.
func about(name string, m snsmessage.Message) []question {
	body := snssend.Body(&m)
	// Amazon's documentation has the Token among what is signed of both confirmations, Amazon's validator only of one.
	// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
	all := []question{{name: name, body: body, good: true, lax: m.Type == snsmessage.UnsubscribeConfirmation}}
	if m.Type == snsmessage.Notification && m.Subject == "" {
		null := bytes.Replace(body, []byte(`{`), []byte(`{"Subject":null,`), 1)
		all = append(all, question{name: name + ", subject null", body: null, good: true})
	}
	for what, change := range changes {
		changed := m
		change(&changed)
		if touched := snssend.Body(&changed); !bytes.Equal(touched, body) && !unsigned(what, &m) {
			all = append(all, question{name: name + ", changed " + what, body: touched})
		}
	}
	for place, taken := range places {
		moved := m
		moved.SigningCertURL = place
		all = append(all, question{
			name: name + ", certificate at " + place, body: snssend.Body(&moved),
			strict: taken && m.Type != snsmessage.UnsubscribeConfirmation,
		})
	}
	return all
}

// unsigned reports whether a change is of something that this kind of message has no signature for.
func unsigned(what string, m *snsmessage.Message) bool {
	switch what {
	case "Token", "SubscribeURL":
		return m.Type == snsmessage.Notification
	case "Subject":
		return m.Type != snsmessage.Notification
	}
	return false
}

// TestValidator asks Amazon's validator and ours about the same bodies.
func TestValidator(t *testing.T) {
	signer, err := snssend.NewSigner(certificate)
	if err != nil {
		t.Fatal(err)
	}
	verifier := trusting(t, signer.Certificate())
	all := questions(t, signer)
	answers := ask(t, signer.Certificate(), all)
	accepted, differ := 0, 0
	for i, q := range all {
		ours := q.body != nil && verify(t, verifier, q.body)
		theirs := answers[i] == "accept"
		if ours != q.good {
			t.Errorf("%s: we accept it: %v, want %v", q.name, ours, q.good)
		}
		if want := q.good && !q.lax || q.strict; theirs != want {
			t.Errorf("%s: sns-validator says %q, want accept: %v", q.name, answers[i], want)
		}
		if ours {
			accepted++
		}
		if ours != theirs {
			differ++
		}
	}
	t.Logf("%d bodies, %d accepted; on %d we differ from sns-validator, on purpose", len(all), accepted, differ)
}

func verify(t *testing.T, v *snsmessage.Verifier, body []byte) bool {
	m, err := snsmessage.Parse(body)
	return err == nil && v.Verify(t.Context(), m) == nil
}

// TestVectors asks about messages that neither side has signed.
func TestVectors(t *testing.T) {
	const folder = "../testdata"
	pem, err := os.ReadFile(filepath.Join(folder, "sns_test_cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "sns_*_v[12].json"))
	if err != nil || len(files) != 8 {
		t.Fatalf("%d vectors, %v", len(files), err)
	}
	var all []question
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var line bytes.Buffer
		if err := json.Compact(&line, text); err != nil {
			t.Fatal(err)
		}
		all = append(all, question{name: filepath.Base(file), body: line.Bytes(), lax: strings.Contains(file, "unsubscribe")})
	}
	verifier := trusting(t, pem)
	for i, answer := range ask(t, pem, all) {
		if !verify(t, verifier, all[i].body) {
			t.Errorf("%s: we refuse it", all[i].name)
		}
		if accepted := answer == "accept"; accepted == all[i].lax {
			t.Errorf("%s: sns-validator says %q", all[i].name, answer)
		}
	}
}

// trusting returns a verifier for which whoever has this certificate is Amazon.
func trusting(t *testing.T, pem []byte) *snsmessage.Verifier {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	everywhere := roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(pem)), Request: r}, nil
	})
	v, err := snsmessage.NewVerifier(snsmessage.Policy{Topics: []string{topic}}, snsmessage.Options{Transport: everywhere, Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// ask lets sns-validator answer all questions.
func ask(t *testing.T, pem []byte, all []question) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sns.pem")
	if err := os.WriteFile(file, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	var lines, said bytes.Buffer
	for _, q := range all {
		lines.Write(q.body)
		lines.WriteByte('\n')
	}
	cmd := node(t, "validator.cjs", "SNS_CERTIFICATE="+file)
	cmd.Stdin, cmd.Stderr = &lines, &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	var answers []string
	for scan := bufio.NewScanner(bytes.NewReader(out)); scan.Scan(); {
		answers = append(answers, scan.Text())
	}
	if len(answers) != len(all) {
		t.Fatalf("%d answers to %d questions: %s", len(answers), len(all), said.String())
	}
	return answers
}
