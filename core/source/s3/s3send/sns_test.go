package s3send

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage/snssend"
	"github.com/pointsman/pointsman/core/source/sourcetest"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

const sentTopic = "arn:aws:sns:ap-northeast-1:123456789012:uploads"

// newTestTopic returns a topic that serves its certificate, and a source that trusts it.
func newTestTopic(t *testing.T) (*snssend.Topic, source.Source, *sourcetest.Memory) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	host := server.Listener.Addr().String()
	topic, err := snssend.NewTopic(sentTopic, host)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = topic
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	receiver, intake := newReceiver(t, `{"path":"/hooks/lab","sns":{"topics":["`+sentTopic+`"],"insecure_cert_hosts":["`+host+`"]}}`)
	return topic, receiver, intake
}

func post(t *testing.T, receiver source.Source, body []byte) int {
	t.Helper()
	r, err := NewRequest(t.Context(), "sns", "http://127.0.0.1/hooks/lab", schema.Secret{}, body)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	receiver.ServeHTTP(w, r)
	return w.Code
}

func TestSentNotificationIsBelieved(t *testing.T) {
	topic, receiver, intake := newTestTopic(t)
	text, err := newTestMessage(t, "sns").Body()
	if err != nil {
		t.Fatal(err)
	}
	body, err := topic.Body(time.Now(), "2", Published(text))
	if err != nil {
		t.Fatal(err)
	}
	if code := post(t, receiver, body); code != http.StatusOK || len(intake.Events) != 1 {
		t.Fatalf("answer %d, %d stored", code, len(intake.Events))
	}
	if got := intake.Events[0].Envelope; got.GetSubject() != "uploads/photos/cat.jpg" || got.GetS3().GetDialect() != "aws" {
		t.Errorf("read as %v", got)
	}
	forged := strings.Replace(string(body), "cat.jpg", "dog.jpg", 1)
	if code := post(t, receiver, []byte(forged)); code != http.StatusForbidden {
		t.Errorf("a changed message is answered with %d", code)
	}
}

func TestSNSRequestNeedsAMessage(t *testing.T) {
	if _, err := NewRequest(t.Context(), "sns", "http://127.0.0.1/", schema.Secret{}, []byte("{}")); err == nil {
		t.Error("no SNS message was sent as one")
	}
}
