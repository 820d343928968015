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
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/websocket"
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

// gateway is the management API of a stage.
type gateway struct {
	*httptest.Server
	mu sync.Mutex
	// frames are what each open connection got.
	frames       map[string][]string
	faults       map[string][]int // statuses in place of the right answers; the last one stays
	disconnected []string
}

func newGateway(t testing.TB) *gateway {
	g := &gateway{frames: map[string][]string{}, faults: map[string][]int{}}
	g.Server = httptest.NewServer(g)
	t.Cleanup(g.Close)
	g.Config.Handler = g
	return g
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	path, unescapeErr := url.PathUnescape(r.URL.EscapedPath())
	id, ok := strings.CutPrefix(path, "/dev/@connections/")
	if err != nil || unescapeErr != nil || !ok || !strings.Contains(r.Header.Get("Authorization"), "/us-east-1/execute-api/aws4_request") {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if faults := g.faults[id]; len(faults) > 0 && r.Method == http.MethodPost {
		if len(faults) > 1 {
			g.faults[id] = faults[1:]
		}
		if faults[0] != http.StatusOK {
			w.WriteHeader(faults[0])
			return
		}
	}
	if _, open := g.frames[id]; !open {
		w.WriteHeader(http.StatusGone)
		return
	}
	if r.Method == http.MethodDelete {
		delete(g.frames, id)
		g.disconnected = append(g.disconnected, id)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	g.frames[id] = append(g.frames[id], string(body))
}

func (g *gateway) open(ids ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, id := range ids {
		g.frames[id] = []string{}
	}
}

func (g *gateway) fail(id string, statuses ...int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults[id] = statuses
}

func (g *gateway) got(id string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.frames[id])
}

func (g *gateway) ended() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.disconnected)
}

// fixture is a source that runs, behind a gateway.
type fixture struct {
	*Source
	t       testing.TB
	memory  *memory
	gateway *gateway
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
		"secrets": []string{secretText, oldSecret}, "endpoint": endpoint, "region": "us-east-1",
		"access_key": "AKIACANARY", "secret_key": "canary-amazon-key", "file": filepath.Join(t.TempDir(), "data", "connections"),
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
	g := newGateway(t)
	f := prepare(t, g, settingsOf(t, g.URL+"/dev", changes, nil))
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
func prepare(t testing.TB, g *gateway, settings []byte) *fixture {
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
	out, err := f.outside()
	if err != nil {
		f.t.Fatal(err)
	}
	out.api.pause = time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	f.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			f.t.Error(err)
		}
		if strings.Contains(f.logged(), "canary") {
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

// post sends what an integration would, with some headers changed ("": absent), and returns the status.
func (f *fixture) post(body string, headers map[string]string) int {
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
	return w.Code
}

func connectHeaders(id, room string) map[string]string {
	return map[string]string{headerConnection: id, headerEvent: eventConnect, headerRoute: routeConnect, headerRoom: room}
}

func disconnectHeaders(id string) map[string]string {
	return map[string]string{headerConnection: id, headerEvent: eventDisconnect, headerRoute: routeDisconnect}
}

func messageHeaders(id, message string) map[string]string {
	return map[string]string{headerConnection: id, headerEvent: eventMessage, headerRoute: routeDefault, headerMessage: message}
}

// join connects clients.
func (f *fixture) join(room string, ids ...string) {
	f.t.Helper()
	for _, id := range ids {
		if code := f.post("", connectHeaders(id, room)); code != http.StatusOK {
			f.t.Fatalf("connect %s: %d", id, code)
		}
		f.gateway.open(id)
	}
}

func (f *fixture) listed(id string) string {
	f.t.Helper()
	out, err := f.outside()
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
