package intdashsend

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/intdash"
	"github.com/pointsman/pointsman/core/source/sourcetest"
)

var testTime = time.Date(2024, 12, 25, 0, 24, 0, 123456789, time.UTC)

// A source receives a sent message as the event that it describes.
func TestSentMessageIsReceived(t *testing.T) {
	const secret = "a-secret-of-at-least-24-bytes"
	var intake sourcetest.Memory
	receiver, err := intdash.Kind().New([]byte(`{"secrets":["`+secret+`"]}`), source.Deps{
		Name: "lab", Intake: &intake, Log: slog.New(slog.DiscardHandler), Metrics: source.NewMetrics(prometheus.NewRegistry()), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	m := NewMessage(testTime)
	r, err := NewRequest(t.Context(), "http://127.0.0.1/hooks/lab", []byte(secret), m.Body())
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	receiver.ServeHTTP(w, r)
	if w.Code != http.StatusNoContent || len(intake.Events) != 1 {
		t.Fatalf("answer %d, %d stored", w.Code, len(intake.Events))
	}
	if got := intake.Events[0].Envelope; got.GetSubject() != m.ResourceUUID || got.GetType() != "intdash.measurement.completed" {
		t.Errorf("received as %s of %s", got.GetType(), got.GetSubject())
	}
}

func TestBody(t *testing.T) {
	complete := NewMessage(testTime)
	complete.DeliveryUUID, complete.HookUUID, complete.ResourceUUID = "d", "h", "m"
	tests := []struct {
		message *Message
		want    string
	}{
		{complete, `{"delivery_uuid":"d","hook_uuid":"h","resource_type":"measurement","action":"completed","occurred_at":"2024-12-25T00:24:00.123456Z",` +
			`"measurement_uuid":"m","project_uuid":"00000000-0000-0000-0000-000000000000"}`},
		{
			&Message{ResourceType: "measurement", Action: "finished", ResourceUUID: "m"},
			`{"resource_type":"measurement","action":"finished","measurement_uuid":"m"}`,
		},
		{
			&Message{ResourceType: "edge", Action: "created", ResourceUUID: "e", ProjectUUID: "p"},
			`{"resource_type":"edge","action":"created","edge_uuid":"e","project_uuid":"p"}`,
		},
		{
			&Message{ResourceType: "project", Action: "created", ResourceUUID: "p", ProjectUUID: "p"},
			`{"resource_type":"project","action":"created","project_uuid":"p"}`,
		},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, string(tt.message.Body())); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
	}
}

func TestNewMessageIsUnique(t *testing.T) {
	a, b := NewMessage(testTime), NewMessage(testTime)
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for _, pair := range [][2]string{{a.DeliveryUUID, b.DeliveryUUID}, {a.HookUUID, b.HookUUID}, {a.ResourceUUID, b.ResourceUUID}} {
		if pair[0] == pair[1] || !form.MatchString(pair[0]) || !form.MatchString(pair[1]) {
			t.Errorf("ids %q and %q", pair[0], pair[1])
		}
	}
}

func TestSign(t *testing.T) {
	// echo -n hello | openssl dgst -sha256 -hmac key -binary | base64
	if got := Sign([]byte("key"), []byte("hello")); got != "kwezuRXvtRcf8U2MtV+8x5jGwO8UVtZt7RpqpyOli3s=" {
		t.Errorf("signature %s", got)
	}
}
