package source

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// running is a Server that runs on a listener in memory, so that its deadlines pass in a synctest bubble's time.
type running struct {
	*Server
	f        *fixture
	listener *pipeListener
	stop     context.CancelFunc
	stopped  chan error
}

func run(t *testing.T, intake Intake, change ...func(*ServerOptions)) *running {
	t.Helper()
	f := newFixture(t, intake)
	o := ServerOptions{Sources: []Source{f}, Log: slog.New(slog.NewJSONHandler(f.log, nil)), Metrics: f.m}
	for _, c := range change {
		c(&o)
	}
	server, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{Server: server, f: f, listener: newPipeListener(), stop: cancel, stopped: make(chan error, 1)}
	go func() { r.stopped <- server.Run(ctx, r.listener) }()
	return r
}

// send writes raw bytes as one connection's request and returns the answer; the connection stays open until the test ends.
func (r *running) send(t *testing.T, raw string) *http.Response {
	t.Helper()
	return r.dial(t).send(t, raw)
}

type client struct {
	net.Conn
	answers *bufio.Reader
}

func (r *running) dial(t *testing.T) *client {
	t.Helper()
	c := r.listener.dial()
	t.Cleanup(func() { _ = c.Close() })
	return &client{c, bufio.NewReader(c)}
}

func (c *client) send(t *testing.T, raw string) *http.Response {
	t.Helper()
	go func() { _, _ = io.WriteString(c, raw) }() // the server may answer, and close, before it has read everything
	return c.answer(t)
}

func (c *client) answer(t *testing.T) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.stopped; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func post(header, body string) string {
	return "POST /hooks/test HTTP/1.1\r\nHost: x\r\nKey: good\r\n" + header + "\r\n" + body
}

func TestRawRequests(t *testing.T) {
	chunk := func(n int) string { return fmt.Sprintf("%x\r\n%s\r\n", n, strings.Repeat("x", n)) }
	tests := []struct {
		name, raw string
		status    int
		code      string // "": answered by net/http
		closes    bool
	}{
		{"Content-Length", post("Content-Length: 5\r\n", "known"), 204, "", false},
		{"chunked", post("Transfer-Encoding: chunked\r\n", chunk(3)+chunk(100_000)+"0\r\n\r\n"), 204, "", false},
		{"announced too large, nothing sent", post("Content-Length: 1048577\r\n", ""), 413, "body_too_large", true},
		{"announced too large, asking first", post("Content-Length: 1048577\r\nExpect: 100-continue\r\n", ""), 413, "body_too_large", true},
		{"chunked too large", post("Transfer-Encoding: chunked\r\n", strings.Repeat(chunk(1<<16), 16)+chunk(1)+"0\r\n\r\n"), 413, "body_too_large", true},
		{"chunked as large as allowed", post("Transfer-Encoding: chunked\r\n", strings.Repeat(chunk(1<<16), 16)+"0\r\n\r\n"), 204, "", false},
		{"bad chunk", post("Transfer-Encoding: chunked\r\n", "zz\r\n"), 400, "body_broken", true},
		{"two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "known"), 400, "", true},
		{"coding that net/http does not know", post("Transfer-Encoding: gzip, chunked\r\n", "known"), 501, "", true},
		{"length and chunks: chunks count", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunk(3)+"0\r\n\r\n"), 204, "", false},
		{"NUL in a header", post("X: a\x00b\r\nContent-Length: 5\r\n", "known"), 400, "", true},
		{"header too large", post("X: "+strings.Repeat("x", 40<<10)+"\r\nContent-Length: 5\r\n", "known"), 431, "", true},
		{"no such path", strings.Replace(post("Content-Length: 5\r\n", "known"), "/hooks/test", "/hooks/tes", 1), 404, "unknown_path", true},
		{"path with a slash", strings.Replace(post("Content-Length: 5\r\n", "known"), "/hooks/test", "/hooks/test/", 1), 404, "unknown_path", true},
		{"path not cleaned", strings.Replace(post("Content-Length: 5\r\n", "known"), "/hooks/test", "/hooks/../hooks/test", 1), 404, "unknown_path", true},
		{"server-wide OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404, "unknown_path", true},
		{"query", strings.Replace(post("Content-Length: 5\r\n", "known"), "/hooks/test", "/hooks/test?a=b", 1), 204, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, &store{})
				resp := r.send(t, tt.raw)
				if tt.code != "" {
					wantProblem(t, resp, tt.status, tt.code)
				} else if resp.StatusCode != tt.status {
					t.Errorf("answer %s, want %d", resp.Status, tt.status)
				}
				if resp.Close != tt.closes {
					t.Errorf("connection closes: %t, want %t", resp.Close, tt.closes)
				}
				r.end(t)
			})
		})
	}
}

// All paths that lead nowhere look the same from outside, whatever the method.
func TestUnknownPathsLookTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, &store{})
		for _, request := range []string{"GET /", "POST /hooks/", "DELETE /admin", "HEAD /hooks/tes"} {
			method, path, _ := strings.Cut(request, " ")
			resp := r.send(t, method+" "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
			if method == "HEAD" {
				if resp.StatusCode != http.StatusNotFound {
					t.Errorf("%s: %s", request, resp.Status)
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

func TestSlowSenders(t *testing.T) {
	tests := []struct {
		name          string
		header        string
		first         string
		bytes         int           // written one at a time after first
		every         time.Duration // between them
		atLeast, most time.Duration // until the answer
	}{
		{"nothing comes", "Content-Length: 5\r\n", "", 0, 0, 10 * time.Second, 11 * time.Second},
		{"stalls", "Content-Length: 5\r\n", "kno", 0, 0, 10 * time.Second, 11 * time.Second},
		{"stalls in a chunk", "Transfer-Encoding: chunked\r\n", "5\r\nkno", 0, 0, 10 * time.Second, 11 * time.Second},
		{"a byte per second", "Content-Length: 100\r\n", "", 99, time.Second, 10 * time.Second, 12 * time.Second},
		{"just fast enough but for too long", "Content-Length: 1000000\r\n", strings.Repeat("x", 30<<10), 900, 100 * time.Millisecond, 30 * time.Second, 31 * time.Second},
		{"much, then nothing", "Content-Length: 1000000\r\n", strings.Repeat("x", 500_000), 0, 0, 10 * time.Second, 11 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &store{}
				r := run(t, s)
				c := r.dial(t)
				start := time.Now()
				var sender sync.WaitGroup
				sender.Go(func() {
					if _, err := io.WriteString(c, post(tt.header, tt.first)); err != nil {
						return
					}
					for range tt.bytes {
						time.Sleep(tt.every) // the bubble's time
						if _, err := io.WriteString(c, "x"); err != nil {
							return
						}
					}
				})
				wantProblem(t, c.answer(t), 408, "body_too_slow")
				if waited := time.Since(start); waited < tt.atLeast || waited > tt.most {
					t.Errorf("answered after %s, want %s to %s", waited, tt.atLeast, tt.most)
				}
				if len(s.events) != 0 {
					t.Error("something was stored")
				}
				_ = c.Close()
				sender.Wait()
				r.end(t)
			})
		})
	}
}

func TestSlowHeaderIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, &store{})
		c := r.dial(t)
		start := time.Now()
		if _, err := io.WriteString(c, "POST /hooks/test HTTP/1.1\r\nHost:"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited > 6*time.Second {
			t.Errorf("cut after %s", waited)
		}
		r.end(t)
	})
}

// A body that no source reads must not hold the connection for longer than the last resort.
func TestUnreadBodyDoesNotHoldTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, &store{})
		c := r.dial(t)
		start := time.Now()
		resp := c.send(t, strings.Replace(post("Content-Length: 1000\r\n", ""), "/hooks/test", "/nowhere", 1))
		wantProblem(t, resp, 404, "unknown_path")
		if _, err := io.ReadAll(c.answers); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited > 40*time.Second {
			t.Errorf("connection was held for %s", waited)
		}
		r.end(t)
	})
}

func TestSenderVanishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		r := run(t, s)
		c := r.dial(t)
		if _, err := io.WriteString(c, post("Content-Length: 5\r\n", "kno")); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		synctest.Wait()
		if len(s.events) != 0 {
			t.Error("half a body was stored")
		}
		if got := series(t, r.f.reg)["pointsman_source_requests_total{code=400,reason=body_broken,source=test}"]; got != 1 {
			t.Errorf("counted %v, want 1", got)
		}
		r.end(t)
	})
}

// An append that takes longer than the deadline of the body before it is not disturbed by that deadline.
func TestSlowAppendKeepsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, intakeFunc(func(ctx context.Context, e []Event) ([]Accepted, error) {
			select {
			case <-time.After(9900 * time.Millisecond):
				return make([]Accepted, len(e)), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}))
		c := r.dial(t)
		if _, err := io.WriteString(c, post("Content-Length: 5\r\n", "kn")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second) // the bubble's time
		for i, raw := range []string{"own", post("Content-Length: 5\r\n", "known")} {
			resp := c.send(t, raw)
			if resp.StatusCode != 204 || resp.Close {
				t.Errorf("answer %d: %s, closes %t", i, resp.Status, resp.Close)
			}
		}
		_ = c.Close()
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
				if resp := c.send(t, post("Content-Length: 5\r\n", "known")); resp.StatusCode != 204 {
					t.Errorf("answer %s within the limit", resp.Status)
				}
			})
		}
		synctest.Wait()
		resp := r.send(t, post("Content-Length: 5\r\n", "known"))
		wantProblem(t, resp, 503, "overloaded")
		if resp.Header.Get("Retry-After") == "" || !resp.Close {
			t.Errorf("header %v", resp.Header)
		}
		close(release)
		wg.Wait()
		if resp := r.send(t, post("Content-Length: 5\r\n", "known")); resp.StatusCode != 204 {
			t.Errorf("answer %s after the others are done", resp.Status)
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
		if resp := idle.send(t, "GET /hooks/test HTTP/1.1\r\nHost: x\r\n\r\n"); resp.StatusCode != 200 {
			t.Errorf("health: %s", resp.Status)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if resp := busy.send(t, post("Content-Length: 5\r\n", "known")); resp.StatusCode != 204 || !resp.Close {
				t.Errorf("answer to a request under way: %s, closes %t", resp.Status, resp.Close)
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
			<-release // whatever its context says
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
		return newFixture(t, &store{}, func(o *WebhookOptions) { o.Name, o.Path = name, path })
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
	if got := (*server.mounted.Load())["/hooks/a"]; got != a {
		t.Error("a refused Mount changed what is mounted")
	}
	if err := server.Mount([]Source{b, c}); err != nil {
		t.Fatal(err)
	}
	if got := *server.mounted.Load(); got["/hooks/a"] != b || got["/c"] != c || len(got) != 2 {
		t.Errorf("mounted %v", got)
	}
}

// pipeListener hands out connections in memory.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial() net.Conn {
	server, client := net.Pipe()
	l.conns <- server
	return client
}

func (l *pipeListener) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "pipe"} }
