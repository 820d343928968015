package admin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

const statusPath = "/" + adminv1connect.AdminServiceName + "/GetStatus"

// TestAccessOverTCP has every request to the API on TCP that must be refused, and those that must not.
func TestAccessOverTCP(t *testing.T) {
	r := newRig(t)
	tests := []struct {
		name   string
		method string // POST
		change func(*http.Request)
		body   string // {}
		status int
		text   string
	}{
		{name: "token", status: 200, text: `"version":"test"`},
		{name: "second token", status: 200, change: header("Authorization", "Bearer "+otherToken)},
		{name: "scheme in another case", status: 200, change: header("Authorization", "bearer "+testToken)},
		{name: "no token", status: 401, change: header("Authorization", ""), text: `"code":"unauthenticated"`},
		{name: "wrong token", status: 401, change: header("Authorization", "Bearer "+testToken+"x"), text: "one of admin.tokens"},
		{name: "part of a token", status: 401, change: header("Authorization", "Bearer "+testToken[:8])},
		{name: "empty token", status: 401, change: header("Authorization", "Bearer ")},
		{name: "another scheme", status: 401, change: header("Authorization", "Basic "+testToken)},
		{name: "token as a query", status: 401, change: func(r *http.Request) { r.Header.Del("Authorization"); r.URL.RawQuery = "token=" + testToken }},
		{name: "host of the listener", status: 200, change: host("admin.example:8081")},
		{name: "host in another case", status: 200, change: host("Admin.Example")},
		{name: "localhost", status: 200, change: host("localhost:1234")},
		{name: "IPv4 address", status: 200, change: host("10.0.0.7")},
		{name: "IPv6 address", status: 200, change: host("[::1]:8081")},
		{name: "host of somebody else", status: 403, change: host("evil.example"), text: "Host header"},
		{name: "host that begins as ours", status: 403, change: host("admin.example.evil.example:8081")},
		{name: "localhost of somebody else", status: 403, change: host("localhost.evil.example")},
		{name: "page of another origin", status: 403, change: header("Sec-Fetch-Site", "cross-site"), text: "another origin"},
		{name: "page of another origin, old browser", status: 403, change: header("Origin", "http://evil.example")},
		{name: "own page", status: 200, change: header("Sec-Fetch-Site", "same-origin")},
		{name: "form", status: 415, change: header("Content-Type", "application/x-www-form-urlencoded")},
		{name: "text", status: 415, change: header("Content-Type", "text/plain")},
		{name: "GET", method: "GET", status: 405},
		{name: "malformed JSON", body: `{"page`, status: 400, text: "invalid_argument"},
		{name: "JSON of another kind", body: `[]`, status: 400, text: "invalid_argument"},
		{name: "unknown field", body: `{"nothing": 1}`, status: 400, text: `unknown field \"nothing\"`},
		{name: "no body", body: " ", status: 400},
		{name: "too large", body: `{"x":"` + strings.Repeat("x", maxRequestBytes) + `"}`, status: 429, text: "resource_exhausted"},
		{name: "unknown method", change: func(r *http.Request) { r.URL.Path += "es" }, status: 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			method, body := tt.method, tt.body
			if method == "" {
				method = "POST"
			}
			if body == "" {
				body = "{}"
			}
			req, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.address+statusPath, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", "Bearer "+testToken)
			if tt.change != nil {
				tt.change(req)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || !strings.Contains(string(got), tt.text) {
				t.Errorf("%d %s, want %d with %q", resp.StatusCode, got, tt.status, tt.text)
			}
			if challenge := resp.Header.Get("WWW-Authenticate"); (challenge != "") != (tt.status == 401) {
				t.Errorf("status %d with WWW-Authenticate %q", resp.StatusCode, challenge)
			}
		})
	}
	if log := r.log.String(); strings.Contains(log, testToken[:8]) || strings.Contains(log, otherToken) {
		t.Errorf("the log has a token: %s", log)
	}
	if !r.log.has("level=WARN", "request to the admin API refused", "from=127.0.0.1") {
		t.Errorf("the log does not tell of refused requests: %s", r.log)
	}
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func host(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }

// TestOpenPaths checks that health and metrics need neither token nor Host, on both listeners.
func TestOpenPaths(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Health = new(Health) })
	for base, client := range map[string]*http.Client{"http://" + r.address: http.DefaultClient, "http://localhost": r.http} {
		for path, want := range map[string]int{"/livez": 200, "/readyz": 503, "/metrics": 200, "/": 404} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = "pointsman.example"
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s%s: %d, want %d", base, path, resp.StatusCode, want)
			}
		}
	}
}

func TestNoTokens(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Tokens = nil })
	resp, err := http.Post("http://"+r.address+statusPath, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 404 || !strings.Contains(string(body), "admin.socket") || !strings.Contains(string(body), "admin.tokens") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if code, text := r.call("GetStatus", "{}"); code != 200 {
		t.Errorf("on the socket: %d %s", code, text)
	}
}

// TestGRPC calls the API as programs do, on the socket and over TCP with a token.
func TestGRPC(t *testing.T) {
	r := newRig(t)
	socket, tcp := r.grpc("unix://"+r.socket), r.grpc("passthrough:///"+r.address)
	if got, err := socket.GetStatus(t.Context(), &adminv1.GetStatusRequest{}); err != nil || got.GetVersion() != "test" {
		t.Errorf("on the socket: %v %v", got, err)
	}
	_, err := tcp.GetStatus(t.Context(), &adminv1.GetStatusRequest{})
	if grpcstatus.Code(err) != grpccodes.Unauthenticated {
		t.Errorf("without a token: %v", err)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+otherToken)
	if got, err := tcp.GetStatus(ctx, &adminv1.GetStatusRequest{}); err != nil || got.GetVersion() != "test" {
		t.Errorf("with a token: %v %v", got, err)
	}
	if _, err := tcp.Reload(ctx, &adminv1.ReloadRequest{}); err != nil {
		t.Error(err)
	}
	if _, err := socket.Reload(t.Context(), &adminv1.ReloadRequest{}); err != nil {
		t.Error(err)
	}
	// This process is the client too.
	me := fmt.Sprintf("uid %d (pid %d)", os.Getuid(), os.Getpid())
	for _, who := range []string{"token 3 from 127.0.0.1", me} {
		if !r.log.has("level=INFO", "change by an operator", `by="`+who+`"`, "change=reload", "generation=8") {
			t.Errorf("the log does not say that %s reloaded: %s", who, r.log)
		}
	}
	if got, want := strings.Join(r.router.calls, ", "), "reload by token 3 from 127.0.0.1, reload by "+me; got != want {
		t.Errorf("the router was told %s, want %s", got, want)
	}
}

// TestWorkMayTakeLong checks that the limits of the server are for requests and answers, not for what a method does in between.
func TestWorkMayTakeLong(t *testing.T) {
	const limit = time.Second
	r := newRig(t)
	r.router.reload = func(ctx context.Context) error {
		select {
		case <-time.After(limit * 3 / 2):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	s := New(Options{
		Health: startedHealth(), Gatherer: prometheus.NewRegistry(), Log: newTestLogger(r.log),
		API: NewService(ServiceOptions{Journal: r.journal, Router: r.router, Log: newTestLogger(r.log)}),
	})
	s.socket.ReadTimeout, s.socket.WriteTimeout = limit, limit
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r.serve(s)
	overGRPC := make(chan error, 1)
	client := r.grpc("unix://" + r.socket)
	go func() {
		_, err := client.Reload(t.Context(), &adminv1.ReloadRequest{})
		overGRPC <- err
	}()
	if status, body := r.call("Reload", "{}"); status != 200 {
		t.Errorf("HTTP/1.1: %d %s", status, body)
	}
	if err := <-overGRPC; err != nil {
		t.Errorf("gRPC: %v", err)
	}
}

func TestTooManyCalls(t *testing.T) {
	r := newRig(t)
	arrived, leave := make(chan struct{}), make(chan struct{})
	r.router.reload = func(context.Context) error {
		arrived <- struct{}{}
		<-leave
		return nil
	}
	client := r.grpc("unix://" + r.socket)
	var calls sync.WaitGroup
	for range maxCalls {
		calls.Go(func() {
			if _, err := client.Reload(t.Context(), &adminv1.ReloadRequest{}); err != nil {
				t.Error(err)
			}
		})
	}
	for range maxCalls {
		<-arrived
	}
	r.refused("GetStatus", "{}", "resource_exhausted", "too many requests")
	close(leave)
	calls.Wait()
	if status, body := r.call("GetStatus", "{}"); status != 200 {
		t.Errorf("afterwards: %d %s", status, body)
	}
}

// Until the first configuration is in force there is nothing that could answer.

func TestStarting(t *testing.T) {
	h := new(Health)
	r := newRig(t, func(o *Options) { o.Health = h })
	r.refused("GetStatus", "{}", "unavailable", "the router is starting: try again in a moment")
	r.refused("Reload", "{}", "unavailable", "the router is starting")
	h.Started(func() []Check { return nil })
	if status, body := r.call("GetStatus", "{}"); status != http.StatusOK {
		t.Errorf("after the start: %d %s", status, body)
	}
}
