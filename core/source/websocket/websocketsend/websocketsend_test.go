package websocketsend

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/sourcetest"
	"github.com/pointsman/pointsman/core/source/websocket"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

func TestAsJSON(t *testing.T) {
	for message, want := range map[string]string{
		`{"a": 1}`: `{"a": 1}`,
		"hello":    `"hello"`,
		"\x00\xff": `{"base64":"AP8="}`,
	} {
		if got := AsJSON([]byte(message)); string(got) != want {
			t.Errorf("%q as JSON is %s, want %s", message, got, want)
		}
	}
}

const testToken = "a-token-of-at-least-24-bytes"

// serve runs a websocket source and returns its URL. stop ends the source.
func serve(t *testing.T) (url string, s source.Source, intake *sourcetest.Memory, stop func()) {
	t.Helper()
	intake, reg := &sourcetest.Memory{}, prometheus.NewRegistry()
	s, err := websocket.Kind(websocket.NewMetrics(reg), nil).New([]byte(`{"path":"/ws","binary":true,"tokens":["`+testToken+`"]}`), source.Deps{
		Name: "chat", Intake: intake, Log: slog.New(slog.DiscardHandler), Metrics: source.NewMetrics(reg), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "ws" + strings.TrimPrefix(server.URL, "http") + "/ws", s, intake, cancel
}

func ignore([]byte) (bool, error) { return false, nil }

func TestConn(t *testing.T) {
	url, s, intake, stop := serve(t)
	c, err := Dial(t.Context(), url+"?room=lab", schema.NewSecret(testToken), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body, err := (&Message{Room: "lab", Data: []byte(`[1.50]`)}).Body()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		data   []byte
		binary bool
	}{{body, false}, {[]byte("\x00\xff"), true}} {
		if err := c.Send(m.data, m.binary, time.Minute, ignore); err != nil {
			t.Fatal(err)
		}
		stored := intake.Stored()
		if last := stored[len(stored)-1].Envelope; string(last.GetBody()) != string(m.data) || last.GetSubject() != "lab" {
			t.Errorf("stored %v", last)
		}
	}
	rejected, ok := errors.AsType[*RejectedError](c.Send([]byte(`{"room":"other"}`), false, time.Minute, ignore))
	if !ok || rejected.Code != "forbidden" {
		t.Errorf("message to another room: %v", rejected)
	}
	s.Info().Rooms.Broadcast("lab", []byte("hello"), false, "")
	err = c.Receive(time.Minute, func(message []byte) (bool, error) {
		if string(message) != "hello" {
			t.Errorf("received %q", message)
		}
		return true, nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := c.Receive(time.Millisecond, ignore); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nothing to receive: %v", err)
	}
	stop()
	if closed, ok := errors.AsType[*ClosedError](c.Receive(time.Minute, ignore)); !ok || closed.Code != 1001 {
		t.Errorf("the source has stopped: %v", closed)
	}
}

func TestHandshakeError(t *testing.T) {
	url, _, _, _ := serve(t)
	for room, want := range map[string]struct {
		token, code string
		status      int
	}{
		"a+b": {testToken, "bad_room", 400},
		"lab": {"another-token-of-the-same-size", "unauthorized", 401},
	} {
		_, err := Dial(t.Context(), url+"?room="+room, schema.NewSecret(want.token), time.Minute)
		refused, ok := errors.AsType[*HandshakeError](err)
		if !ok || refused.Code != want.code || refused.Response.StatusCode != want.status {
			t.Errorf("room %s: %v", room, err)
		}
	}
}
