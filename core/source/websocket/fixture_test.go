package websocket

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// testTimeout is how long a test waits for what must come. Nothing is expected within a time.
const testTimeout = 20 * time.Second

// memory is an Intake that keeps events, and has each of them marshalled as the journal would.
type memory struct {
	events chan source.Event
	mu     sync.Mutex
	hook   func(*pointsmanv1.Envelope) error
}

func (m *memory) Accept(_ context.Context, events []source.Event) ([]source.Accepted, error) {
	m.mu.Lock()
	hook := m.hook
	m.mu.Unlock()
	for _, e := range events {
		if hook != nil {
			if err := hook(e.Envelope); err != nil {
				return nil, err
			}
		}
		if _, err := proto.Marshal(e.Envelope); err != nil {
			return nil, err
		}
		m.events <- e
	}
	return make([]source.Accepted, len(events)), nil
}

// before has hook called for each event before it is kept.
func (m *memory) before(hook func(*pointsmanv1.Envelope) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hook = hook
}

// fail has every event refused, until it is nil.
func (m *memory) fail(err error) { m.before(func(*pointsmanv1.Envelope) error { return err }) }

// clock is the time that a source goes by.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// lockedBuffer is a log that is written and read at a time.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type fixture struct {
	*Source
	t      testing.TB
	intake *memory
	clock  *clock
	log    *lockedBuffer
	reg    *prometheus.Registry
	server *httptest.Server
	// address is where clients connect.
	address string
	stop    func() // ends Run and waits for it
}

// newFixture serves a source named "chat" at /ws; more is what its settings hold besides.
func newFixture(t testing.TB, more string) *fixture {
	t.Helper()
	f := &fixture{
		t: t, intake: &memory{events: make(chan source.Event, 10000)}, log: &lockedBuffer{}, reg: prometheus.NewRegistry(),
		clock: &clock{now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)},
	}
	settings := `{"path":"/ws"`
	if more != "" {
		settings += "," + more
	}
	var err error
	f.Source, err = makeSource(settings+"}", source.Deps{
		Name: "chat", Intake: f.intake, Log: slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Now: f.clock.Now,
		Metrics: source.NewMetrics(f.reg),
	}, NewMetrics(f.reg))
	if err != nil {
		t.Fatal(err)
	}
	f.server = httptest.NewServer(f.Source)
	f.address = f.server.Listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	f.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		f.stop()
		f.server.Close()
	})
	return f
}

// event returns the next event stored.
func (f *fixture) event() *pointsmanv1.Envelope {
	f.t.Helper()
	select {
	case e := <-f.intake.events:
		return e.Envelope
	case <-time.After(testTimeout):
		f.t.Fatal("no event")
		return nil
	}
}

// expect takes the next event and fails unless it is of a type.
func (f *fixture) expect(eventType string) *pointsmanv1.WebSocketMessage {
	f.t.Helper()
	e := f.event()
	if e.GetType() != eventType {
		f.t.Fatalf("event %v, want a %s", e, eventType)
	}
	return e.GetWebsocket()
}

// counted returns the value of one series.
func (f *fixture) counted(series prometheus.Collector) float64 { return testutil.ToFloat64(series) }

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(testTimeout); !holds(); {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
		time.Sleep(time.Millisecond)
	}
}

// client is a WebSocket client that speaks in single frames, right or wrong ones.
type client struct {
	t        testing.TB
	net      net.Conn
	read     *bufio.Reader
	response *http.Response
	id       string
}

const handshakeKey = "dGhlIHNhbXBsZSBub25jZQ=="

func (f *fixture) dial() *client {
	f.t.Helper()
	c, err := net.Dial("tcp", f.address)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = c.Close() })
	return &client{t: f.t, net: c, read: bufio.NewReader(c)}
}

// request sends a handshake; headers are name, value, ... A value of "" leaves out one that is there without.
func (f *fixture) request(target string, headers ...string) *client {
	f.t.Helper()
	k := f.dial()
	all := map[string]string{
		"Host": "chat.example", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": handshakeKey,
	}
	for i := 0; i < len(headers); i += 2 {
		all[headers[i]] = headers[i+1]
	}
	method := "GET"
	if m, ok := all["method"]; ok {
		method = m
		delete(all, "method")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", method, target)
	for name, value := range all {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	k.write([]byte(b.String() + "\r\n"))
	_ = k.net.SetReadDeadline(time.Now().Add(testTimeout))
	var err error
	//nolint:bodyclose // it is the connection's, which is closed
	if k.response, err = http.ReadResponse(k.read, &http.Request{Method: method}); err != nil {
		f.t.Fatal(err)
	}
	return k
}

// join connects to a room, and takes the connect event.
func (f *fixture) join(room string, headers ...string) *client {
	f.t.Helper()
	k := f.request("/ws?room="+room, headers...)
	if k.response.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(k.response.Body)
		f.t.Fatalf("joining answered %d %s", k.response.StatusCode, body)
	}
	k.id = f.expect(TypeConnect).GetConnectionId()
	return k
}

func (k *client) write(b []byte) {
	k.t.Helper()
	if _, err := k.net.Write(b); err != nil {
		k.t.Fatal(err)
	}
}

func masked(f ws.Frame) []byte { return ws.MustCompileFrame(ws.MaskFrame(f)) }

// frame makes one masked frame.
func frame(op ws.OpCode, fin bool, payload string) []byte {
	return masked(ws.NewFrame(op, fin, []byte(payload)))
}

func (k *client) send(text string) {
	k.t.Helper()
	k.write(frame(ws.OpText, true, text))
}

// next returns the next frame.
func (k *client) next() ws.Frame {
	k.t.Helper()
	_ = k.net.SetReadDeadline(time.Now().Add(testTimeout))
	f, err := readFrame(k.read)
	if err != nil {
		k.t.Fatalf("no frame: %v", err)
	}
	if err := ws.CheckHeader(f.Header, ws.StateClientSide); err != nil {
		k.t.Fatalf("frame %v: %v", f.Header, err)
	}
	return f
}

func readFrame(r io.Reader) (f ws.Frame, err error) {
	if f.Header, err = ws.ReadHeader(r); err != nil {
		return f, err
	}
	f.Payload = make([]byte, f.Header.Length)
	_, err = io.ReadFull(r, f.Payload)
	return f, err
}

// receive returns the text of the next frame, which must be a message.
func (k *client) receive() string {
	k.t.Helper()
	f := k.next()
	if f.Header.OpCode != ws.OpText && f.Header.OpCode != ws.OpBinary {
		k.t.Fatalf("got %v %q, want a message", f.Header, f.Payload)
	}
	return string(f.Payload)
}

// ClientError returns the code of the next frame, which must be an error.
func (k *client) clientError() string {
	k.t.Helper()
	var got map[string]string
	if err := json.Unmarshal([]byte(k.receive()), &got); err != nil {
		k.t.Fatal(err)
	}
	if got["connectionId"] != k.id || got["requestId"] == "" || got["message"] == "" {
		k.t.Errorf("error frame %v", got)
	}
	return got["code"]
}

// ends reads until the connection ends, and returns the close code.
func (k *client) ends() int {
	k.t.Helper()
	defer func() { _ = k.net.Close() }()
	_ = k.net.SetReadDeadline(time.Now().Add(testTimeout))
	code := codeAbnormal
	for {
		f, err := readFrame(k.read)
		if err != nil {
			if code == codeAbnormal && !isEnd(err) {
				k.t.Fatalf("the connection does not end: %v", err)
			}
			return code
		}
		if f.Header.OpCode == ws.OpClose {
			code = codeNone
			if len(f.Payload) >= 2 {
				code = int(binary.BigEndian.Uint16(f.Payload))
			}
		}
	}
}

func isEnd(err error) bool {
	timeout, ok := err.(net.Error) //nolint:errorlint // readFrame does not wrap
	return !ok || !timeout.Timeout()
}

// leave closes the connection and takes the disconnect event.
func (f *fixture) leave(k *client) {
	f.t.Helper()
	k.write(masked(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))))
	if code := k.ends(); code != codeNormal {
		f.t.Fatalf("close answered with %d", code)
	}
	if got := f.expect(TypeDisconnect).GetCloseCode(); got != codeNormal {
		f.t.Fatalf("disconnect event with %d", got)
	}
}

// makeSource makes a source of the native mode.
func makeSource(settings string, d source.Deps, m *Metrics) (*Source, error) {
	s, err := Kind(m, nil).New([]byte(settings), d)
	if err != nil {
		return nil, err
	}
	return s.(*Source), nil
}

// newUnserved makes a source that nobody serves.
func newUnserved(t testing.TB, settings string) *Source {
	t.Helper()
	s, err := makeSource(settings, source.Deps{Name: "chat", Intake: &memory{events: make(chan source.Event, 100)}, Log: slog.New(slog.DiscardHandler), Metrics: source.NewMetrics(prometheus.NewRegistry())}, newMetrics())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
