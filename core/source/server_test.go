package source

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Unknown paths always get the same 404, whatever the method.
func TestUnknownPathsGetTheSameResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, &store{})
		for _, request := range []string{"GET /", "POST /hooks/", "DELETE /admin", "HEAD /hooks/tes"} {
			method, path, _ := strings.Cut(request, " ")
			resp := r.send(t, method+" "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
			if method == "HEAD" {
				if resp.status != http.StatusNotFound {
					t.Errorf("%s: %d", request, resp.status)
				}
				continue
			}
			wantProblem(t, resp, 404, "unknown_path")
		}
		if got := series(t, r.f.reg)["pointsman_source_requests_total{code=404,reason=unknown_path,source=}"]; got != 4 {
			t.Errorf("counted %v, want 4", got)
		}
		r.end(t)
	})
}

func TestServerInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := run(t, intakeFunc(func(_ context.Context, e []Event) ([]Accepted, error) {
			<-release
			return make([]Accepted, len(e)), nil
		}), func(o *ServerOptions) { o.InFlight = 2 })
		var wg sync.WaitGroup
		for range 2 {
			c := r.dial(t)
			wg.Go(func() {
				if resp := c.send(t, post("Content-Length: 5\r\n", "known")); resp.status != 204 {
					t.Errorf("answer %d within the limit", resp.status)
				}
			})
		}
		synctest.Wait()
		resp := r.send(t, post("Content-Length: 5\r\n", "known"))
		wantProblem(t, resp, 503, "overloaded")
		if resp.header.Get("Retry-After") == "" || !resp.closes {
			t.Errorf("header %v", resp.header)
		}
		close(release)
		wg.Wait()
		if resp := r.send(t, post("Content-Length: 5\r\n", "known")); resp.status != 204 {
			t.Errorf("answer %d after the others are done", resp.status)
		}
		r.end(t)
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := run(t, intakeFunc(func(_ context.Context, e []Event) ([]Accepted, error) {
			<-release
			return make([]Accepted, len(e)), nil
		}))
		busy, idle := r.dial(t), r.dial(t)
		synctest.Wait()
		if !r.Ready() {
			t.Error("not ready while serving")
		}
		if resp := idle.send(t, "GET /hooks/test HTTP/1.1\r\nHost: x\r\n\r\n"); resp.status != 200 {
			t.Errorf("health: %d", resp.status)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if resp := busy.send(t, post("Content-Length: 5\r\n", "known")); resp.status != 204 || !resp.closes {
				t.Errorf("request in flight: status %d, closes %t", resp.status, resp.closes)
			}
		})
		synctest.Wait()
		r.stop()
		synctest.Wait()
		if r.Ready() {
			t.Error("ready while draining")
		}
		if !r.listener.isClosed() {
			t.Error("listener is open while draining")
		}
		if _, err := io.ReadAll(idle.answers); err != nil {
			t.Errorf("idle connection: %v", err)
		}
		close(release)
		wg.Wait()
		if err := <-r.stopped; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestDrainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		r := run(t, intakeFunc(func(context.Context, []Event) ([]Accepted, error) {
			<-release // ignores its context
			return nil, context.Canceled
		}))
		c := r.dial(t)
		if _, err := io.WriteString(c, post("Content-Length: 5\r\n", "known")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		start := time.Now()
		r.stop()
		err := <-r.stopped
		if err == nil || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("Run: %v", err)
		}
		if waited := time.Since(start); waited < 15*time.Second || waited > 16*time.Second {
			t.Errorf("drained for %s", waited)
		}
	})
}

func TestRunOnRealPort(t *testing.T) {
	f := newFixture(t, &store{})
	server, err := NewServer(ServerOptions{Sources: []Source{f}, Log: slog.New(slog.DiscardHandler), Metrics: f.m})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- server.Run(ctx, l) }()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+l.Addr().String()+"/hooks/test", strings.NewReader("known"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Key", "good")
	httpClient := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := httpClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != 204 {
		t.Errorf("answer %s, %v", resp.Status, err)
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestRunReportsBrokenListener(t *testing.T) {
	f := newFixture(t, &store{})
	server, err := NewServer(ServerOptions{Log: slog.New(slog.DiscardHandler), Metrics: f.m})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := server.Run(t.Context(), l); err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("Run on a closed listener: %v", err)
	}
}

func TestMount(t *testing.T) {
	named := func(name, path string) Source {
		return newFixture(t, &store{}, func(o *WebhookOptions) { o.Name, o.Info.Path = name, path })
	}
	a, b, c := named("a", ""), named("b", "/hooks/a"), named("c", "/c")
	m := newFixture(t, &store{}).m
	if _, err := NewServer(ServerOptions{Sources: []Source{a, b, c}, Log: slog.New(slog.DiscardHandler), Metrics: m}); err == nil ||
		err.Error() != `sources "a" and "b" are both mounted at /hooks/a: give one of them another path` {
		t.Errorf("NewServer: %v", err)
	}
	server, err := NewServer(ServerOptions{Sources: []Source{a}, Log: slog.New(slog.DiscardHandler), Metrics: m})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Mount([]Source{b, a}); err == nil {
		t.Error("Mount of a conflict: no error")
	}
	if got := (*server.mounted.Load())["/hooks/a"]; got.source != a {
		t.Error("a refused Mount changed what is mounted")
	}
	if err := server.Mount([]Source{b, c}); err != nil {
		t.Fatal(err)
	}
	if got := *server.mounted.Load(); got["/hooks/a"].source != b || got["/c"].source != c || len(got) != 2 {
		t.Errorf("mounted %v", got)
	}
}

// longLived is a source whose requests do not count as in flight.
type longLived struct {
	*fixture
	handler http.HandlerFunc
}

func (l *longLived) Info() Info                                       { return Info{Name: "long", Path: "/long", LongLived: true} }
func (l *longLived) ServeHTTP(w http.ResponseWriter, r *http.Request) { l.handler(w, r) }

func TestLongLivedDoesNotCount(t *testing.T) {
	f := newFixture(t, &store{})
	var server *Server
	l := &longLived{fixture: f}
	l.handler = func(w http.ResponseWriter, _ *http.Request) {
		// While this request lasts, the only place in flight is free for others.
		rec := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/hooks/test", strings.NewReader("known"))
		r.Header.Set("Key", "good")
		server.ServeHTTP(rec, r)
		w.WriteHeader(rec.Code)
	}
	var err error
	server, err = NewServer(ServerOptions{Sources: []Source{f, l}, Log: f.options.Log, Metrics: f.m, InFlight: 1})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	server.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/long", nil))
	if rec.Code != http.StatusNoContent {
		t.Errorf("a request beside one that lasts: %d", rec.Code)
	}
}
