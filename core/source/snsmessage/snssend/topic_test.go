package snssend

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

const testTopic = "arn:aws:sns:ap-northeast-1:123456789012:reporting-topic"

var testTime = time.Date(2024, 5, 1, 13, 0, 30, 0, time.UTC)

// newVerifier returns a verifier of testTopic.
func newVerifier(t *testing.T, p snsmessage.Policy, o snsmessage.Options) *snsmessage.Verifier {
	t.Helper()
	p.Topics, o.Now = []string{testTopic}, func() time.Time { return testTime }
	v, err := snsmessage.NewVerifier(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mustParse(t *testing.T, body []byte) *snsmessage.Message {
	t.Helper()
	m, err := snsmessage.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// newTestTopic returns a topic that serves its certificate, and a verifier that trusts it.
func newTestTopic(t *testing.T) (*Topic, *snsmessage.Verifier) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	host := server.Listener.Addr().String()
	topic, err := NewTopic(testTopic, host)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = topic
	server.Start()
	t.Cleanup(server.Close)
	return topic, newVerifier(t, snsmessage.Policy{InsecureCertHosts: []string{host}}, snsmessage.Options{})
}

func TestTopicIsAuthentic(t *testing.T) {
	topic, v := newTestTopic(t)
	for _, m := range []snsmessage.Message{
		{Message: "hello"},
		{Message: "hello", Subject: "a subject"},
		{Type: snsmessage.SubscriptionConfirmation},
		{Type: snsmessage.UnsubscribeConfirmation},
	} {
		for _, version := range []string{"1", "2"} {
			body, err := topic.Body(testTime, version, m)
			if err != nil {
				t.Fatal(err)
			}
			got := mustParse(t, body)
			if err := v.Verify(t.Context(), got); err != nil {
				t.Errorf("%s version %s: %v", m.Type, version, err)
			}
			if got.Timestamp != "2024-05-01T13:00:30.000Z" || got.Message == "" {
				t.Errorf("sent %+v", got)
			}
		}
	}
}

func TestTopicIsConfirmed(t *testing.T) {
	topic, v := newTestTopic(t)
	body, err := topic.Body(testTime, "2", snsmessage.Message{Type: snsmessage.SubscriptionConfirmation})
	if err != nil {
		t.Fatal(err)
	}
	if topic.Confirmed() {
		t.Error("confirmed before the request")
	}
	if err := v.Confirm(t.Context(), mustParse(t, body)); err != nil || !topic.Confirmed() {
		t.Errorf("%v, confirmed %v", err, topic.Confirmed())
	}
}

func TestTopicServesNothingElse(t *testing.T) {
	topic, _ := newTestTopic(t)
	for _, path := range []string{"/", "/SimpleNotificationService-0.pem", "/?Action=Unsubscribe"} {
		w := httptest.NewRecorder()
		topic.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestTopicMistakes(t *testing.T) {
	if _, err := NewTopic(testTopic, ""); err == nil {
		t.Error("a topic without an address")
	}
	topic, _ := newTestTopic(t)
	if _, err := topic.Body(testTime, "3", snsmessage.Message{}); err == nil {
		t.Error("version 3 is signed")
	}
}

func TestRequestHeaders(t *testing.T) {
	topic, _ := newTestTopic(t)
	body, err := topic.Body(time.Now(), "2", snsmessage.Message{Message: "hello", MessageID: "m-1"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRequest(t.Context(), "http://127.0.0.1/hooks/x", body)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/plain; charset=UTF-8", "X-Amz-Sns-Message-Type": snsmessage.Notification, "X-Amz-Sns-Message-Id": "m-1",
		"X-Amz-Sns-Topic-Arn": testTopic, "X-Amz-Sns-Subscription-Arn": topic.subscription(), "X-Amz-Sns-Rawdelivery": "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if _, err := NewRequest(t.Context(), "http://127.0.0.1/", []byte("{}")); err == nil || !strings.Contains(err.Error(), "not an SNS message") {
		t.Errorf("a body that is not a message was sent: %v", err)
	}
	if _, err := NewRequest(t.Context(), "http://[", body); err == nil {
		t.Error("sent to nowhere")
	}
}

func TestRawRequest(t *testing.T) {
	m := &snsmessage.Message{Type: snsmessage.Notification, MessageID: "m-1", TopicARN: testTopic, Message: "hello"}
	r, err := NewRawRequest(t.Context(), "http://127.0.0.1/", m, schema.NewSecret("the-token"))
	if err != nil {
		t.Fatal(err)
	}
	_, password, _ := r.BasicAuth()
	if password != "the-token" || r.Header.Get("X-Amz-Sns-Rawdelivery") != "true" || r.ContentLength != 5 {
		t.Errorf("sent %v with %d bytes", r.Header, r.ContentLength)
	}
	if r, err = NewRawRequest(t.Context(), "http://127.0.0.1/", m, schema.Secret{}); err != nil || r.Header.Get("Authorization") != "" {
		t.Errorf("%v, a token that is none is shown", err)
	}
	if _, err := NewRawRequest(t.Context(), "http://[", m, schema.Secret{}); err == nil {
		t.Error("sent to nowhere")
	}
}
