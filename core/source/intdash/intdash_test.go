package intdash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testTime = time.Date(2024, 12, 25, 0, 24, 0, 0, time.UTC)

// memory is an Intake that keeps events and recognises duplicates by their keys.
type memory struct {
	mu     sync.Mutex
	events []source.Event
	seen   map[string]bool
	err    error
}

func (m *memory) Accept(_ context.Context, events []source.Event) ([]source.Accepted, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	var results []source.Accepted
	for _, e := range events {
		known := false
		for _, k := range e.Keys {
			known = known || m.seen[k.Value]
		}
		if !known {
			m.events = append(m.events, e)
		}
		for _, k := range e.Keys {
			m.seen[k.Value] = true
		}
		results = append(results, source.Accepted{Duplicate: known})
	}
	return results, nil
}

type fixture struct {
	*Source
	intake *memory
	log    *bytes.Buffer
	reg    *prometheus.Registry
}

func newFixture(t testing.TB, settings string) *fixture {
	t.Helper()
	f := &fixture{intake: &memory{seen: map[string]bool{}}, log: &bytes.Buffer{}, reg: prometheus.NewRegistry()}
	var err error
	f.Source, err = New([]byte(settings), source.Deps{
		Name: "lab", Intake: f.intake, Log: slog.New(slog.NewJSONHandler(f.log, nil)),
		Metrics: source.NewMetrics(f.reg), Now: func() time.Time { return testTime },
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// settings32 is a source with one secret, secret32.
const settings32 = `{"secrets":["` + secret32 + `"]}`

func (f *fixture) post(body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, f.Path(), strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func (f *fixture) postSigned(body string) *httptest.ResponseRecorder {
	return f.post(body, SignatureHeader, Sign([]byte(secret32), []byte(body)))
}

// counted returns the value of one series; labels are name, value, ...
func (f *fixture) counted(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := f.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			has := map[string]string{}
			for _, l := range m.GetLabel() {
				has[l.GetName()] = l.GetValue()
			}
			match := true
			for i := 0; i < len(labels); i += 2 {
				match = match && has[labels[i]] == labels[i+1]
			}
			if match {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no series %s %v: label sets must exist from the start", name, labels)
	return 0
}

func TestVectorsOverHTTP(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			settings, err := json.Marshal(map[string]any{"secrets": []string{v.secret}})
			if err != nil {
				t.Fatal(err)
			}
			f := newFixture(t, string(settings))
			w := f.post(v.body, "x-intdash-signature-256", v.signature)
			if w.Code != http.StatusNoContent || w.Body.Len() != 0 {
				t.Fatalf("answer %d %q, want 204 without a body", w.Code, w.Body)
			}
			if len(f.intake.events) != 1 || string(f.intake.events[0].Envelope.GetBody()) != v.body {
				t.Fatalf("stored %v, want the body as it was sent", f.intake.events)
			}
			if got, want := f.intake.events[0].Quarantine != "", v.body == ""; got != want {
				t.Errorf("quarantined %t (%s), want %t", got, f.intake.events[0].Quarantine, want)
			}
			if w := f.post(v.body+" ", SignatureHeader, v.signature); w.Code != http.StatusUnauthorized {
				t.Errorf("answer to the body with a space after it: %d, want 401", w.Code)
			}
		})
	}
}

func TestUnauthenticIsNotStored(t *testing.T) {
	mac := Sign([]byte("another secret"), []byte(bodyCompleted))
	reserialised := Sign([]byte(secret32), []byte(bodyCompact))
	tests := []struct {
		name, body string
		headers    []string
		reason     string
	}{
		{"no signature", bodyCompleted, nil, sigMissing},
		{"no signature, no body", "", nil, sigMissing},
		{"no signature, not JSON", "{", nil, sigMissing},
		{"another secret", bodyCompleted, []string{SignatureHeader, mac}, sigMismatch},
		{"signed after re-serialising", bodySeed, []string{SignatureHeader, reserialised}, sigMismatch},
		{"twice", bodyCompleted, []string{SignatureHeader, vectors[0].signature, SignatureHeader, vectors[0].signature}, sigDoubled},
		{"with a space", bodyCompleted, []string{SignatureHeader, vectors[0].signature[:20] + " " + vectors[0].signature[20:]}, sigMalformed},
		{"not base64", bodyCompleted, []string{SignatureHeader, strings.Repeat("*", 44)}, sigMalformed},
		{"deep JSON", strings.Repeat("[", 100_000), []string{SignatureHeader, mac}, sigMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, settings32)
			w := f.post(tt.body, tt.headers...)
			wantProblem(t, w, http.StatusUnauthorized, "unauthorized")
			if len(f.intake.events) != 0 {
				t.Errorf("stored %v", f.intake.events)
			}
			if got := f.counted(t, "pointsman_source_auth_failures_total", "source", "lab", "reason", tt.reason); got != 1 {
				t.Errorf("counted %v of %s, want 1", got, tt.reason)
			}
			sent := ""
			if len(tt.headers) > 0 {
				sent = tt.headers[1]
			}
			secretsDoNotLeak(t, f.log.String()+w.Body.String(), sent, Sign([]byte(secret32), []byte(tt.body)))
		})
	}
}

func secretsDoNotLeak(t *testing.T, text, sent, computed string) {
	t.Helper()
	for _, never := range []string{secret32, sent, computed, "delivery_uuid"} {
		if never != "" && strings.Contains(text, never) {
			t.Errorf("log or answer holds %q:\n%s", never, text)
		}
	}
}

func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	var got struct {
		Type, Title, Code string
		Status            int
		RequestID         string `json:"request_id"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("answer %d %q: %v", w.Code, w.Body, err)
	}
	if w.Code != status || got.Status != status || got.Code != code || got.RequestID == "" || got.Title != http.StatusText(status) {
		t.Errorf("answer %d %s, want status %d, code %s", w.Code, w.Body, status, code)
	}
	if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("Content-Type %q", ct)
	}
}

func TestRotation(t *testing.T) {
	f := newFixture(t, `{"secrets":["a-new-secret-of-24-bytes-or-more","`+secret32+`"]}`)
	if w := f.postSigned(bodyCompleted); w.Code != http.StatusNoContent {
		t.Fatalf("answer to the old secret: %d", w.Code)
	}
	if got := f.counted(t, "pointsman_source_secret_used_total", "slot", "1"); got != 1 {
		t.Errorf("old secret counted %v times, want 1", got)
	}
	if got := f.counted(t, "pointsman_source_secret_used_total", "slot", "0"); got != 0 {
		t.Errorf("new secret counted %v times, want 0", got)
	}
}

func TestDuplicates(t *testing.T) {
	redelivered := strings.Replace(bodyCompleted, "d41cd3e1", "99999999", 1)
	f := newFixture(t, settings32)
	for i, body := range []string{bodyCompleted, bodyCompleted, redelivered} {
		if w := f.postSigned(body); w.Code != http.StatusNoContent {
			t.Fatalf("answer %d: %d, want 204", i, w.Code)
		}
	}
	if len(f.intake.events) != 1 {
		t.Errorf("stored %d events, want 1: a retry and a redelivery by hand are the same event", len(f.intake.events))
	}
	if got := f.counted(t, "pointsman_events_duplicate_total", "source", "lab"); got != 2 {
		t.Errorf("counted %v duplicates, want 2", got)
	}
	if got := f.counted(t, "pointsman_events_accepted_total", "type_class", "intdash.measurement.completed"); got != 1 {
		t.Errorf("counted %v accepted, want 1", got)
	}
}

func TestNotStored(t *testing.T) {
	f := newFixture(t, settings32)
	f.intake.err = errors.New("journal is full")
	for _, body := range []string{bodyCompleted, "not JSON"} {
		w := f.postSigned(body)
		wantProblem(t, w, http.StatusServiceUnavailable, "not_stored")
		if w.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	f.intake.err = nil
	if w := f.postSigned(bodyCompleted); w.Code != http.StatusNoContent || len(f.intake.events) != 1 {
		t.Errorf("sent again: %d with %d stored", w.Code, len(f.intake.events))
	}
}

func TestConcurrentRequestsKeepTheirBodies(t *testing.T) {
	f := newFixture(t, settings32)
	server := httptest.NewServer(f)
	defer server.Close()
	const senders, each = 16, 25
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				m := Message{ResourceType: "measurement", Action: "updated", DeliveryUUID: string(rune('a'+s)) + strings.Repeat("x", i)}
				r, err := NewRequest(t.Context(), server.URL+"/hooks/lab", []byte(secret32), m.Body())
				if err != nil {
					t.Error(err)
					return
				}
				resp, err := server.Client().Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				if resp.Body.Close(); resp.StatusCode != http.StatusNoContent {
					t.Errorf("answer %s", resp.Status)
				}
			}
		})
	}
	wg.Wait()
	if len(f.intake.events) != senders*each {
		t.Fatalf("stored %d events, want %d", len(f.intake.events), senders*each)
	}
	for _, e := range f.intake.events {
		want := Message{ResourceType: "measurement", Action: "updated", DeliveryUUID: e.Envelope.GetIntdash().GetDeliveryUuid()}
		if got := string(e.Envelope.GetBody()); got != string(want.Body()) {
			t.Errorf("body %s does not belong to %s", got, e.Envelope.GetId())
		}
	}
}

func TestNewRefusesSettings(t *testing.T) {
	tests := []struct{ settings, want string }{
		{`{}`, "secrets"},
		{`{"secrets":[]}`, "secrets"},
		{`{"secrets":[""]}`, "no secret that is not empty"},
		{`{"secrets":["` + secret32 + `"],"path":"hooks"}`, `must start with "/"`},
		{`{"secrets":["` + secret32 + `"],"path":"/a/../b"}`, "matched exactly"},
		{`{"secrets":["` + secret32 + `"],"dedupe_window":"-1s"}`, "dedupe_window"},
		{`{"secrets":["` + secret32 + `"],"secret":"x"}`, "secret"},
	}
	for _, tt := range tests {
		_, err := New([]byte(tt.settings), source.Deps{
			Name: "lab", Intake: &memory{}, Log: slog.New(slog.DiscardHandler), Metrics: source.NewMetrics(prometheus.NewRegistry()),
		})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `"lab"`) {
			t.Errorf("New(%s): %v, want an error about %q", tt.settings, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), secret32) {
			t.Errorf("error shows the secret: %v", err)
		}
	}
}

func TestSettings(t *testing.T) {
	f := newFixture(t, `{"secrets":["`+secret32+`"],"path":"/in/intdash","dedupe_window":"1h30m"}`)
	if f.Path() != "/in/intdash" || f.Name() != "lab" || f.Kind() != "intdash" || len(f.Warnings()) != 0 {
		t.Errorf("path %q, name %q, kind %q, warnings %q", f.Path(), f.Name(), f.Kind(), f.Warnings())
	}
	f.postSigned(bodyCompleted)
	for _, k := range f.intake.events[0].Keys {
		if k.Window != 90*time.Minute {
			t.Errorf("key %s has window %s, want 1h30m", k.Value, k.Window)
		}
	}
	if got := newFixture(t, settings32).Path(); got != "/hooks/lab" {
		t.Errorf("default path %q", got)
	}
}

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
	if w.Code != http.StatusNoContent || len(f.intake.events) != 1 {
		t.Fatalf("answer %d, %d stored", w.Code, len(f.intake.events))
	}
	if got := f.intake.events[0].Envelope; got.GetSubject() != m.ResourceUUID || got.GetType() != "intdash.measurement.completed" {
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

// checkEnvelope says what no input may break: the event can be stored, and read again.
func checkEnvelope(t *testing.T, e *pointsmanv1.Envelope) {
	t.Helper()
	encoded, err := proto.Marshal(e)
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	var again pointsmanv1.Envelope
	if err := proto.Unmarshal(encoded, &again); err != nil {
		t.Fatalf("unmarshal: %v", err)
	}
	if !proto.Equal(e, &again) {
		t.Fatalf("envelope does not survive encoding: %v", e)
	}
}
