package apigateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/websocket"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secretText = "canary-shared-secret-of-the-api"
	oldSecret  = "canary-older-secret-of-the-api"
)

// memory is an Intake that keeps events, and knows them again by their keys.
type memory struct {
	mu     sync.Mutex
	events []*pointsmanv1.Envelope
	keys   map[string]bool
	err    error
}

func (m *memory) Accept(_ context.Context, events []source.Event) ([]source.Accepted, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	stored := make([]source.Accepted, len(events))
	for i, e := range events {
		if _, err := proto.Marshal(e.Envelope); err != nil {
			return nil, err
		}
		if stored[i].Duplicate = m.keys[e.Keys[0].Value]; stored[i].Duplicate {
			continue
		}
		m.keys[e.Keys[0].Value] = true
		m.events = append(m.events, e.Envelope)
	}
	return stored, nil
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// types are those of the events, with their connection.
func (m *memory) types() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, e := range m.events {
		all = append(all, strings.TrimPrefix(e.GetType(), "websocket.")+" "+e.GetWebsocket().GetConnectionId())
	}
	return all
}

func (m *memory) last() *pointsmanv1.Envelope {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.events[len(m.events)-1]
}

// fixture is a source that runs, behind a gateway.
type fixture struct {
	*Source
	t       testing.TB
	memory  *memory
	gateway *amazontest.Gateway
	log     *locked
	mu      sync.Mutex
	time    time.Time
}

// logged is what the source has logged.
func (f *fixture) logged() string {
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	return fmt.Sprint(f.log.w)
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.time
}

func (f *fixture) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.time = f.time.Add(d)
}

// settingsOf is a source block as JSON, with changes to it and to its block apigateway.
func settingsOf(t testing.TB, endpoint string, changes, apiChanges map[string]any) []byte {
	t.Helper()
	api := map[string]any{
		"secrets": []string{secretText, oldSecret}, "endpoint": endpoint, "region": amazontest.Region,
		"access_key": amazontest.AccessKey, "secret_key": amazontest.SecretKey, "file": filepath.Join(t.TempDir(), "data", "connections"),
	}
	for name, value := range apiChanges {
		if api[name] = value; value == nil {
			delete(api, name)
		}
	}
	settings := map[string]any{"mode": "apigateway", "path": "/chat", "apigateway": api}
	maps.Copy(settings, changes)
	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func newFixture(t *testing.T, changes map[string]any) *fixture {
	g := amazontest.NewGateway(t)
	f := prepare(t, g, settingsOf(t, g.Endpoint, changes, nil))
	f.run()
	return f
}

// makeSource makes a source of this mode.
func makeSource(settings []byte, d source.Deps) (*Source, error) {
	s, err := websocket.Kind(nil, Mode(NewMetrics(prometheus.NewRegistry()))).New(settings, d)
	if err != nil {
		return nil, err
	}
	return s.(*Source), nil
}

// prepare makes a source that does not run yet.
func prepare(t testing.TB, g *amazontest.Gateway, settings []byte) *fixture {
	t.Helper()
	f := &fixture{
		t: t, gateway: g, memory: &memory{keys: map[string]bool{}}, log: &locked{w: &strings.Builder{}}, time: time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC),
	}
	s, err := makeSource(settings, source.Deps{
		Name: "chat", Intake: f.memory, Log: slog.New(slog.NewTextHandler(f.log, nil)),
		Metrics: source.NewMetrics(prometheus.NewRegistry()), Now: f.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Source = s
	return f
}

// run lets the source run until the test ends.
func (f *fixture) run() {
	out, err := f.backend()
	if err != nil {
		f.t.Fatal(err)
	}
	out.api.Pause = time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	f.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			f.t.Error(err)
		}
		if strings.Contains(strings.ToLower(f.logged()), "canary") {
			f.t.Errorf("the log has a secret: %s", f.logged())
		}
	})
}

// locked is a writer for several.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// post sends a request and returns the status of the response.
func (f *fixture) post(body string, headers map[string]string) int {
	return f.request(body, headers).Code
}

// request sends what an integration would, with some headers changed ("": absent).
func (f *fixture) request(body string, headers map[string]string) *httptest.ResponseRecorder {
	f.t.Helper()
	r := httptest.NewRequestWithContext(f.t.Context(), http.MethodPost, "/chat", strings.NewReader(body))
	all := map[string]string{
		headerSecret: secretText, headerRequest: "r-1", headerStage: "dev", headerSourceIP: "192.0.2.10",
		headerRequestTime: fmt.Sprint(f.clock().UnixMilli()), "Content-Type": "application/json",
	}
	maps.Copy(all, headers)
	for name, value := range all {
		if value != "" {
			r.Header[name] = []string{value}
		}
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func connectHeaders(id, room string) map[string]string {
	return map[string]string{headerConnection: id, headerEvent: eventConnect, headerRoute: websocket.RouteConnect, headerRoom: room}
}

func disconnectHeaders(id string) map[string]string {
	return map[string]string{headerConnection: id, headerEvent: eventDisconnect, headerRoute: websocket.RouteDisconnect}
}

func messageHeaders(id, message string) map[string]string {
	return map[string]string{headerConnection: id, headerEvent: eventMessage, headerRoute: websocket.RouteDefault, headerMessage: message}
}

// join connects clients.
func (f *fixture) join(room string, ids ...string) {
	f.t.Helper()
	for _, id := range ids {
		if code := f.post("", connectHeaders(id, room)); code != http.StatusOK {
			f.t.Fatalf("connect %s: %d", id, code)
		}
		f.gateway.Join(room, id)
	}
}

func (f *fixture) listed(id string) string {
	f.t.Helper()
	out, err := f.backend()
	if err != nil {
		f.t.Fatal(err)
	}
	r, err := out.store.find(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return r.room
}

// until polls; the test fails when ok does not say yes in time.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not in time", what)
		case <-tick.C:
		}
	}
}
