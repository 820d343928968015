package source

import (
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

	"github.com/prometheus/client_golang/prometheus"
)

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
		{
			name: "partly quarantined", body: "known\n!", status: 204,
			counted: []string{"events_accepted_total{source=test,type_class=test.known}", "events_quarantined_total{reason=question,source=test}"},
		},
		{
			name: "authentic and not for us", body: "known\n-", status: 403, code: "forbidden",
			counted: []string{"source_auth_failures_total{reason=not_ours,source=test}"},
		},
		{name: "quarantined duplicate", body: "?", intake: known, status: 204, counted: []string{"events_duplicate_total{source=test}"}},
		{
			name: "refused", body: "known", headers: []string{"Key", "bad"}, status: 401, code: "unauthorized",
			counted: []string{"source_auth_failures_total{reason=bad_key,source=test}"},
		},
		{name: "challenged", body: "known", headers: []string{"Key", "none"}, status: 401, code: "unauthorized", wantHeader: []string{"WWW-Authenticate", `Basic realm="test"`}},
		{name: "malformed", body: "known", headers: []string{"Key", "nonsense"}, status: 400, code: "malformed"},
		{name: "refused before parsing", body: "?", headers: []string{"Key", "bad"}, status: 401, code: "unauthorized"},
		{name: "not verified", body: "known", headers: []string{"Key", "unsure"}, status: 503, code: "not_verified", wantHeader: []string{"Retry-After", "5"}},
		{name: "full", body: "known", intake: full, status: 503, code: "not_stored", wantHeader: []string{"Retry-After", "5"}},
		{name: "full, quarantined", body: "?", intake: full, status: 503, code: "not_stored", wantHeader: []string{"Retry-After", "5"}},
		{name: "intake answers for too few", body: "known", intake: short, status: 503, code: "not_stored"},
		{name: "intake panics", body: "known", intake: broken, status: 500, code: "panic", wantHeader: []string{"Connection", "close"}},
		{name: "lookup fails", body: "~", status: 503, code: "not_verified", wantHeader: []string{"Retry-After", "5"}},
		{name: "authentication panics", body: "known", headers: []string{"Key", "panic"}, status: 500, code: "panic"},
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
				wantProblem(t, replyOf(w), tt.status, tt.code)
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

// The append continues after the sender has disconnected, and an intake that hangs is bounded by Limits.Accept.
func TestAcceptContext(t *testing.T) {
	gone, hangUp := context.WithCancel(t.Context())
	f := newFixture(t, intakeFunc(func(ctx context.Context, events []Event) ([]Accepted, error) {
		hangUp()
		if err := ctx.Err(); err != nil {
			t.Errorf("the sender's disconnect cancels the append: %v", err)
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}), func(o *WebhookOptions) { o.Limits.Accept = time.Millisecond })
	r := httptest.NewRequestWithContext(gone, http.MethodPost, "/hooks/test", strings.NewReader("known"))
	r.Header.Set("Key", "good")
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	wantProblem(t, replyOf(w), 503, "not_stored")
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
	wantProblem(t, replyOf(w), 503, "overloaded")
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

func TestNewWebhookChecks(t *testing.T) {
	for name, change := range map[string]func(*WebhookOptions){
		"path":    func(o *WebhookOptions) { o.Info.Path = "no-slash" },
		"query":   func(o *WebhookOptions) { o.Info.Path = "/a?b" },
		"pattern": func(o *WebhookOptions) { o.Info.Path = "/{a}" },
		"long":    func(o *WebhookOptions) { o.Info.Path = "/" + strings.Repeat("a", 256) },
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

// Problem documents help the sender with what it can fix, and nobody else: the details of 401 and 503 are empty, and every
// 404 has the same.
func TestProblemDetails(t *testing.T) {
	tests := []struct {
		name, method, body string
		headers            []string
		status             int
		detail             string
	}{
		{"gzip", "POST", "known", []string{"Content-Encoding", "gzip"}, 415, "send the body without Content-Encoding"},
		{"too large", "POST", strings.Repeat("x", 1<<20+1), nil, 413, "the body may have at most 1048576 bytes"},
		{"method", "PUT", "known", nil, 405, "events are sent with POST"},
		{"malformed, explained", "POST", "known", []string{"Key", "nonsense"}, 400, "the key is not a key"},
		{"not for us, explained", "POST", "-", nil, 403, "another source takes these"},
		{"not for us, hidden", "POST", "are you somebody else", nil, 404, noSourceHere},
		{"wrong key", "POST", "known", []string{"Key", "bad"}, 401, ""},
		{"no key", "POST", "known", []string{"Key", "none"}, 401, ""},
		{"not verified", "POST", "known", []string{"Key", "unsure"}, 503, ""},
		{"panic", "POST", "known", []string{"Key", "panic"}, 500, ""},
	}
	f := newFixture(t, &store{})
	server, err := NewServer(ServerOptions{Sources: []Source{f}, Log: f.options.Log, Metrics: f.m})
	if err != nil {
		t.Fatal(err)
	}
	detail := func(path, method, body string, headers ...string) (int, string) {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Key", "good")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		var got problem
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
		return w.Code, got.Detail
	}
	for _, tt := range tests {
		if status, got := detail("/hooks/test", tt.method, tt.body, tt.headers...); status != tt.status || got != tt.detail {
			t.Errorf("%s: %d with detail %q, want %d and %q", tt.name, status, got, tt.status, tt.detail)
		}
	}
	if status, got := detail("/hooks/tes", "POST", "known"); status != 404 || got != noSourceHere {
		t.Errorf("unknown path: %d with detail %q", status, got)
	}
}

// completing is a request that records the error that its events were stored with.
type completing struct {
	lineRequest
	completed *[]error
}

func (c completing) Authenticate(*http.Request, []byte) (Request, error) { return c, nil }
func (c completing) Complete(_ context.Context, err error)               { *c.completed = append(*c.completed, err) }

func TestCompleterGetsTheErrorOfTheIntake(t *testing.T) {
	full := errors.New("journal is full")
	for _, want := range []error{nil, full} {
		var completed []error
		intake := intakeFunc(func(_ context.Context, e []Event) ([]Accepted, error) { return make([]Accepted, len(e)), want })
		f := newFixture(t, intake, func(o *WebhookOptions) { o.Protocol = completing{"known", &completed} })
		f.post("")
		if len(completed) != 1 || !errors.Is(completed[0], want) {
			t.Errorf("completed with %v, want %v", completed, want)
		}
	}
	var completed []error
	f := newFixture(t, &store{}, func(o *WebhookOptions) { o.Protocol = completing{"~", &completed} })
	f.post("")
	if len(completed) != 0 {
		t.Errorf("completed with %v although there were no events", completed)
	}
}
