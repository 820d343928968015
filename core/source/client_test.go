package source

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// running is a Server on an in-memory listener, so that its deadlines follow the clock of a synctest bubble.
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

// send writes raw bytes on a new connection and returns the response; the connection stays open until the test ends.
func (r *running) send(t *testing.T, raw string) reply {
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

func (c *client) send(t *testing.T, raw string) reply {
	t.Helper()
	go func() { _, _ = io.WriteString(c, raw) }() // the server may answer, and close, before it has read everything
	method, _, _ := strings.Cut(raw, " ")
	return c.answerTo(t, method)
}

func (c *client) answer(t *testing.T) reply {
	t.Helper()
	return c.answerTo(t, http.MethodPost)
}

func (c *client) answerTo(t *testing.T, method string) reply {
	t.Helper()
	resp, err := http.ReadResponse(c.answers, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("answer %s: %v", resp.Status, err)
	}
	return reply{status: resp.StatusCode, header: resp.Header, body: body, closes: resp.Close}
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
