package source

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
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lineProtocol is a protocol for tests: the header Key says "good", "bad" or "unsure", each line of the body is an event.
type lineProtocol struct{}

func (lineProtocol) Verify(r *http.Request, _ []byte) (int, error) {
	switch r.Header.Get("Key") {
	case "good":
		return 0, nil
	case "unsure":
		return -1, errors.New("key server does not answer")
	case "panic":
		panic("verify broke")
	}
	return -1, &Refused{Reason: "bad_key"}
}

func (lineProtocol) Decode(_ http.Header, body []byte, _ time.Time) ([]Event, error) {
	var events []Event
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "?") {
			return nil, &Undecodable{Reason: "question", Detail: "line starts with a question mark"}
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

// store is an Intake that keeps what it is given.
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
		Kind: "line", Protocol: lineProtocol{}, Secrets: 1,
		KnownTypes: []string{"test.known"}, RefusalReasons: []string{"bad_key"}, QuarantineReasons: []string{"question"},
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

// wantProblem checks an answer that is not 2xx.
func wantProblem(t *testing.T, resp *http.Response, status int, code string) {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var got problem
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("answer %s %q: %v", resp.Status, body, err)
	}
	want := problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, RequestID: got.RequestID}
	if diff := cmp.Diff(want, got); diff != "" || resp.StatusCode != status || len(got.RequestID) != 16 {
		t.Errorf("answer %s, request id %q (-want +got):\n%s", resp.Status, got.RequestID, diff)
	}
	if resp.Header.Get("Content-Type") != "application/problem+json" || resp.Header.Get("X-Request-Id") != got.RequestID {
		t.Errorf("header %v", resp.Header)
	}
}

func TestAnswers(t *testing.T) {
	full := intakeFunc(func(context.Context, []Event) ([]Accepted, error) { return nil, errors.New("journal is full") })
	known := intakeFunc(func(_ context.Context, e []Event) ([]Accepted, error) {
		return []Accepted{{Duplicate: true}, {Duplicate: true}}[:len(e)], nil
	})
	short := intakeFunc(func(context.Context, []Event) ([]Accepted, error) { return nil, nil })
	broken := intakeFunc(func(context.Context, []Event) ([]Accepted, error) { panic("intake broke") })
	tests := []struct {
		name, method, body string
		intake             Intake
		headers            []string
		status             int
		code               string
		wantHeader         []string
		counted            []string
	}{
		{name: "accepted", body: "known", status: 204, counted: []string{"events_accepted_total{source=test,type_class=test.known}"}},
		{name: "unknown type", body: "new", status: 204, counted: []string{"events_accepted_total{source=test,type_class=other}"}},
		{name: "no event", body: "", status: 204},
		{name: "duplicates", body: "known\nknown", intake: known, status: 204, counted: []string{"events_duplicate_total{source=test}"}},
		{name: "quarantined", body: "?", status: 204, counted: []string{"events_quarantined_total{reason=question,source=test}"}},
		{name: "quarantined duplicate", body: "?", intake: known, status: 204, counted: []string{"events_duplicate_total{source=test}"}},
		{name: "refused", body: "known", headers: []string{"Key", "bad"}, status: 401, code: "unauthorized",
			counted: []string{"source_auth_failures_total{reason=bad_key,source=test}"}},
		{name: "refused before parsing", body: "?", headers: []string{"Key", "bad"}, status: 401, code: "unauthorized"},
		{name: "not verified", body: "known", headers: []string{"Key", "unsure"}, status: 503, code: "not_verified", wantHeader: []string{"Retry-After", "5"}},
		{name: "full", body: "known", intake: full, status: 503, code: "not_stored", wantHeader: []string{"Retry-After", "5"}},
		{name: "full, quarantined", body: "?", intake: full, status: 503, code: "not_stored", wantHeader: []string{"Retry-After", "5"}},
		{name: "intake answers for too few", body: "known", intake: short, status: 503, code: "not_stored"},
		{name: "intake panics", body: "known", intake: broken, status: 500, code: "panic", wantHeader: []string{"Connection", "close"}},
		{name: "verify panics", body: "known", headers: []string{"Key", "panic"}, status: 500, code: "panic"},
		{name: "identity", body: "known", headers: []string{"Content-Encoding", "identity"}, status: 204},
		{name: "gzip", body: "known", headers: []string{"Content-Encoding", "gzip"}, status: 415, code: "unsupported_encoding", wantHeader: []string{"Connection", "close"}},
		{name: "too large", body: strings.Repeat("x", 1<<20+1), status: 413, code: "body_too_large", wantHeader: []string{"Connection", "close"}},
		{name: "as large as allowed", body: strings.Repeat("x", 1<<20), status: 204},
		{name: "health", method: http.MethodGet, status: 200},
		{name: "health, HEAD", method: http.MethodHead, status: 200},
		{name: "PUT", method: http.MethodPut, status: 405, code: "method_not_allowed", wantHeader: []string{"Allow", "GET, HEAD, POST"}},
		{name: "DELETE", method: http.MethodDelete, status: 405, code: "method_not_allowed"},
		{name: "method of the sender's own", method: "POKE", status: 405, code: "method_not_allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			intake := tt.intake
			if intake == nil {
				intake = &store{}
			}
			f := newFixture(t, intake)
			r := httptest.NewRequest(cmpOr(tt.method, http.MethodPost), "/hooks/test", strings.NewReader(tt.body))
			r.Header.Set("Key", "good")
			for i := 0; i < len(tt.headers); i += 2 {
				r.Header.Set(tt.headers[i], tt.headers[i+1])
			}
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			if tt.code != "" {
				wantProblem(t, w.Result(), tt.status, tt.code)
			} else if w.Code != tt.status || w.Body.Len() != 0 {
				t.Errorf("answer %d %q, want %d and no body", w.Code, w.Body, tt.status)
			}
			for i := 0; i < len(tt.wantHeader); i += 2 {
				if got := w.Header().Get(tt.wantHeader[i]); got != tt.wantHeader[i+1] {
					t.Errorf("%s: %q, want %q", tt.wantHeader[i], got, tt.wantHeader[i+1])
				}
			}
			got := series(t, f.reg)
			for _, name := range tt.counted {
				if got["pointsman_"+name] == 0 {
					t.Errorf("%s is not counted: %v", name, got)
				}
			}
			if tt.status >= 300 && tt.intake == nil && len(intake.(*store).events) != 0 {
				t.Error("something was stored")
			}
		})
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func TestKindChoosesStatus(t *testing.T) {
	f := newFixture(t, &store{}, func(o *WebhookOptions) { o.Success, o.Refusal = 200, 403 })
	for _, tt := range []struct {
		body, key string
		want      int
	}{{"known", "good", 200}, {"?", "good", 200}, {"known", "bad", 403}} {
		if w := f.post(tt.body, "Key", tt.key); w.Code != tt.want {
			t.Errorf("%s, %s key: %d, want %d", tt.body, tt.key, w.Code, tt.want)
		}
	}
	got := series(t, f.reg)
	for _, name := range []string{"code=200,reason=accepted", "code=200,reason=quarantined", "code=403,reason=unauthorized"} {
		if got["pointsman_source_requests_total{"+name+",source=test}"] != 1 {
			t.Errorf("%s is not counted: %v", name, got)
		}
	}
}

// Every series exists before the first request, so that a rate over it is right from the first event on.
func TestMetricsStartAtZero(t *testing.T) {
	f := newFixture(t, &store{})
	before, err := f.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	count := func(families []*dto.MetricFamily) (n int) {
		for _, family := range families {
			n += len(family.GetMetric())
		}
		return n
	}
	f.post("known")
	f.post("unheard of")
	f.post("?")
	f.post("known", "Key", "bad")
	after, err := f.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if count(before) != count(after) || count(before) == 0 {
		t.Errorf("%d series before, %d after", count(before), count(after))
	}
}

func TestEnvelopeIsStamped(t *testing.T) {
	s := &store{}
	f := newFixture(t, s)
	parent := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	f.post("a\nb", "Content-Type", "text/plain", "Traceparent", parent)
	f.post("?", "Content-Type", "text/\xff")
	if len(s.events) != 3 {
		t.Fatalf("stored %v", s.events)
	}
	for i, id := range []string{"a\n", "b"} {
		want := &pointsmanv1.Envelope{
			Id: id, Source: "test", Kind: "line", Type: "test." + strings.TrimSpace(id), ReceivedUnixNano: 1_700_000_000_000_000_005,
			ContentType: "text/plain", Body: []byte("a\nb"), TraceParent: parent,
		}
		if got := s.events[i].Envelope; got.String() != want.String() {
			t.Errorf("envelope %v, want %v", got, want)
		}
	}
	q := s.events[2]
	if q.Quarantine != "question: line starts with a question mark" || string(q.Envelope.GetBody()) != "?" || q.Envelope.GetContentType() != "" ||
		q.Envelope.GetType() != "line.quarantined" || len(q.Keys) != 1 || q.Keys[0].Window != ShortWindow || q.Keys[0].Value != q.Envelope.GetId() {
		t.Errorf("quarantined event %v", q)
	}
}

func TestTraceParent(t *testing.T) {
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	tests := []struct {
		values []string
		ok     bool
	}{
		{[]string{good}, true},
		{[]string{"cc" + good[2:]}, true},
		{[]string{"cc" + good[2:] + "-what-the-future-holds"}, true},
		{nil, false},
		{[]string{""}, false},
		{[]string{good, good}, false},
		{[]string{good + "-01"}, false},
		{[]string{"cc" + good[2:] + "x"}, false},
		{[]string{"cc" + good[2:] + "-\x7f"}, false},
		{[]string{"cc" + good[2:] + strings.Repeat("-x", 40)}, false},
		{[]string{"ff" + good[2:]}, false},
		{[]string{strings.ToUpper(good)}, false},
		{[]string{good[:54]}, false},
		{[]string{strings.Replace(good, "-", "_", 1)}, false},
		{[]string{"00-00000000000000000000000000000000-00f067aa0ba902b7-01"}, false},
		{[]string{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"}, false},
		{[]string{"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01"}, false},
	}
	for _, tt := range tests {
		got := traceParent(http.Header{"Traceparent": tt.values})
		if want := strings.Join(tt.values, ""); tt.ok && got != want || !tt.ok && got != "" {
			t.Errorf("traceParent(%q) = %q, valid %t", tt.values, got, tt.ok)
		}
	}
}

// A sender that hangs up, or an intake that hangs, changes neither what is stored nor that there is an answer.
func TestAcceptContext(t *testing.T) {
	gone, hangUp := context.WithCancel(t.Context())
	f := newFixture(t, intakeFunc(func(ctx context.Context, events []Event) ([]Accepted, error) {
		hangUp()
		if err := ctx.Err(); err != nil {
			t.Errorf("the sender's hanging up stops the append: %v", err)
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}), func(o *WebhookOptions) { o.Limits.Accept = time.Millisecond })
	r := httptest.NewRequestWithContext(gone, http.MethodPost, "/hooks/test", strings.NewReader("known"))
	r.Header.Set("Key", "good")
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	wantProblem(t, w.Result(), 503, "not_stored")
}

func TestSourceInFlight(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	f := newFixture(t, intakeFunc(func(_ context.Context, e []Event) ([]Accepted, error) {
		inside <- struct{}{}
		<-release
		return make([]Accepted, len(e)), nil
	}), func(o *WebhookOptions) { o.Limits.InFlight = 2 })
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if w := f.post("known"); w.Code != 204 {
				t.Errorf("answer %d within the limit", w.Code)
			}
		})
		<-inside
	}
	w := f.post("known")
	wantProblem(t, w.Result(), 503, "overloaded")
	if w.Header().Get("Retry-After") != "1" || w.Header().Get("Connection") != "close" {
		t.Errorf("header %v", w.Header())
	}
	close(release)
	wg.Wait()
	go func() { <-inside }()
	if w := f.post("known"); w.Code != 204 {
		t.Errorf("answer %d after the others are done", w.Code)
	}
}

func TestPanicIsLoggedWithStack(t *testing.T) {
	f := newFixture(t, &store{})
	w := f.post("known", "Key", "panic")
	var line struct {
		Level, Source, Outcome, Err string
		RequestID                   string `json:"request_id"`
	}
	if err := json.Unmarshal(f.log.Bytes(), &line); err != nil {
		t.Fatalf("log %q: %v", f.log.Bytes(), err)
	}
	if line.Level != "ERROR" || line.Source != "test" || line.Outcome != "panic" || !strings.Contains(line.Err, "verify broke") ||
		!strings.Contains(line.Err, "lineProtocol.Verify") || line.RequestID != w.Header().Get("X-Request-Id") {
		t.Errorf("log %+v for request %s", line, w.Header().Get("X-Request-Id"))
	}
	if strings.Contains(w.Body.String(), "broke") {
		t.Errorf("answer tells what went wrong inside: %s", w.Body)
	}
}

// Whoever sends garbage must not be able to fill the log with it.
func TestRefusalsAreLoggedInSamples(t *testing.T) {
	f := newFixture(t, &store{})
	const requests = 500
	for range requests {
		f.post("known", "Key", "bad")
	}
	if lines := bytes.Count(f.log.Bytes(), []byte("\n")); lines < 1 || lines > requests/10 {
		t.Errorf("%d lines for %d refusals", lines, requests)
	}
	if got := series(t, f.reg)["pointsman_source_auth_failures_total{reason=bad_key,source=test}"]; got != requests {
		t.Errorf("counted %v, want all %d", got, requests)
	}
}

func TestNewWebhookChecks(t *testing.T) {
	for name, change := range map[string]func(*WebhookOptions){
		"path":    func(o *WebhookOptions) { o.Path = "no-slash" },
		"query":   func(o *WebhookOptions) { o.Path = "/a?b" },
		"pattern": func(o *WebhookOptions) { o.Path = "/{a}" },
		"long":    func(o *WebhookOptions) { o.Path = "/" + strings.Repeat("a", 256) },
		"name":    func(o *WebhookOptions) { o.Name = "" },
		"intake":  func(o *WebhookOptions) { o.Intake = nil },
		"log":     func(o *WebhookOptions) { o.Log = nil },
	} {
		o := WebhookOptions{Deps: Deps{Name: "x", Intake: &store{}, Log: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry())}}
		change(&o)
		if _, err := NewWebhook(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// lockedBuffer is a buffer that a logger may write to while a test reads it.
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
