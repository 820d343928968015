package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lineProtocol is a protocol for tests: the header Key is "good", "bad" or "unsure", each line of the body is an event.
type lineProtocol struct{}

func (lineProtocol) Authenticate(r *http.Request, body []byte) (Request, error) {
	switch r.Header.Get("Key") {
	case "good":
		return lineRequest(body), nil
	case "unsure":
		return nil, errors.New("key server does not respond")
	case "none":
		return nil, &Refused{Reason: "no_key", Challenge: `Basic realm="test"`}
	case "nonsense":
		return nil, &Refused{Reason: "no_sense", Status: http.StatusBadRequest, Detail: "the key is not a key"}
	case "panic":
		panic("authentication broke")
	}
	return nil, &Refused{Reason: "bad_key"}
}

// lineRequest is a body whose lines are events. Some bodies are handshakes.
type lineRequest string

func (lineRequest) Slot() int { return 0 }

func (r lineRequest) Reply(context.Context) (*Reply, error) {
	switch r {
	case "who are you":
		return &Reply{ContentType: "application/json", Body: []byte(`{"i":"am"}`)}, nil
	case "are you somebody else":
		return nil, &Refused{Reason: "not_ours", Status: http.StatusNotFound}
	case "no response yet":
		return nil, errors.New("upstream does not respond")
	}
	return nil, nil
}

func (r lineRequest) Events(context.Context, time.Time) ([]Event, error) {
	var events []Event
	for line := range strings.Lines(string(r)) {
		switch line[0] {
		case '?':
			return nil, &Undecodable{Reason: "question", Detail: "line starts with a question mark"}
		case '!':
			e := Quarantined("line", []byte(line), &Undecodable{Reason: "question", Detail: "line is no event"})
			e.Envelope.Body = []byte(line)
			events = append(events, e)
			continue
		case '-':
			return nil, &Refused{Reason: "not_ours", Status: http.StatusForbidden, Detail: "another source takes these"}
		case '~':
			return nil, errors.New("lookup failed")
		}
		events = append(events, Event{Envelope: &pointsmanv1.Envelope{Id: line, Type: "test." + strings.TrimSpace(line)}})
	}
	return events, nil
}

// intakeFunc makes an Intake of a function.
type intakeFunc func(ctx context.Context, events []Event) ([]Accepted, error)

func (f intakeFunc) Accept(ctx context.Context, events []Event) ([]Accepted, error) {
	return f(ctx, events)
}

// store is an Intake that keeps all events.
type store struct {
	mu     sync.Mutex
	events []Event
}

func (s *store) Accept(_ context.Context, events []Event) ([]Accepted, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, events...)
	return make([]Accepted, len(events)), nil
}

type fixture struct {
	*Webhook
	log *lockedBuffer
	reg *prometheus.Registry
	m   *Metrics
}

func newFixture(t testing.TB, intake Intake, change ...func(*WebhookOptions)) *fixture {
	t.Helper()
	f := &fixture{log: &lockedBuffer{}, reg: prometheus.NewRegistry()}
	f.m = NewMetrics(f.reg)
	options := WebhookOptions{
		Deps: Deps{
			Name: "test", Intake: intake, Metrics: f.m, Log: slog.New(slog.NewJSONHandler(f.log, nil)),
			Now: func() time.Time { return time.Unix(1_700_000_000, 5) },
		},
		Info: Info{Kind: "line"}, Protocol: lineProtocol{}, Secrets: 1,
		KnownTypes: []string{"test.known"}, RefusalReasons: []string{"bad_key", "not_ours"}, QuarantineReasons: []string{"question"},
	}
	for _, c := range change {
		c(&options)
	}
	var err error
	if f.Webhook, err = NewWebhook(options); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) post(body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/hooks/test", strings.NewReader(body))
	r.Header.Set("Key", "good")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// series returns every counter that is not 0, by name and labels.
func series(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			value := m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			if value != 0 {
				all[family.GetName()+labels(m)] = value
			}
		}
	}
	return all
}

func labels(m *dto.Metric) string {
	var pairs []string
	for _, l := range m.GetLabel() {
		pairs = append(pairs, l.GetName()+"="+l.GetValue())
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// reply is an answer with its body read.
type reply struct {
	status int
	header http.Header
	body   []byte
	closes bool
}

func replyOf(w *httptest.ResponseRecorder) reply {
	return reply{status: w.Code, header: w.Header(), body: w.Body.Bytes()}
}

// wantProblem checks a response that is not 2xx.
func wantProblem(t *testing.T, r reply, status int, code string) {
	t.Helper()
	var got problem
	if err := json.Unmarshal(r.body, &got); err != nil {
		t.Fatalf("answer %d %q: %v", r.status, r.body, err)
	}
	want := problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: got.Detail, RequestID: got.RequestID}
	if diff := cmp.Diff(want, got); diff != "" || r.status != status || len(got.RequestID) != 16 {
		t.Errorf("answer %d, request id %q (-want +got):\n%s", r.status, got.RequestID, diff)
	}
	if r.header.Get("Content-Type") != "application/problem+json" || r.header.Get("X-Request-Id") != got.RequestID {
		t.Errorf("header %v", r.header)
	}
}

// lockedBuffer is a buffer for a logger that writes while a test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) Bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.buf.Bytes())
}
