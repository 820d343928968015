package intdash

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSentMessageIsReceived(t *testing.T) {
	random := bytes.NewReader(bytes.Repeat([]byte{0xff, 0x00, 0x5a}, 16))
	m, err := NewMessage(random, testTime.Add(123456789*time.Nanosecond))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"delivery_uuid":"ff005aff-005a-4f00-9aff-005aff005aff","hook_uuid":"005aff00-5aff-405a-bf00-5aff005aff00","resource_type":"measurement","action":"completed","occurred_at":"2024-12-25T00:24:00.123456Z","measurement_uuid":"5aff005a-ff00-4aff-805a-ff005aff005a","project_uuid":"00000000-0000-0000-0000-000000000000"}`
	if diff := cmp.Diff(want, string(m.Body())); diff != "" {
		t.Fatalf("body (-want +got):\n%s", diff)
	}
	f := newFixture(t, settings32)
	r, err := NewRequest(t.Context(), "http://127.0.0.1/hooks/lab", []byte(secret32), m.Body())
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if w.Code != http.StatusNoContent || len(f.intake.Events) != 1 {
		t.Fatalf("answer %d, %d stored", w.Code, len(f.intake.Events))
	}
	if got := f.intake.Events[0].Envelope; got.GetSubject() != m.ResourceUUID || got.GetType() != "intdash.measurement.completed" {
		t.Errorf("received as %s of %s", got.GetType(), got.GetSubject())
	}
	if _, err := NewMessage(strings.NewReader("short"), testTime); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("NewMessage without enough randomness: %v", err)
	}
}

func TestMessageOfOtherShapes(t *testing.T) {
	tests := []struct {
		message Message
		want    string
	}{
		{Message{ResourceType: "measurement", Action: "finished", ResourceUUID: "xxxxxxx"}, bodyCompact},
		{Message{ResourceType: "edge", Action: "created", ResourceUUID: "e", ProjectUUID: "p"}, `{"resource_type":"edge","action":"created","edge_uuid":"e","project_uuid":"p"}`},
		{Message{ResourceType: "project", Action: "created", ResourceUUID: "p", ProjectUUID: "p"}, `{"resource_type":"project","action":"created","project_uuid":"p"}`},
	}
	for _, tt := range tests {
		if got := string(tt.message.Body()); got != tt.want {
			t.Errorf("Body = %s, want %s", got, tt.want)
		}
	}
}
