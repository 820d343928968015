package websocket

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/pointsman/pointsman/core/source"
)

// One client's life: it joins, its message becomes an event, what is sent to the room reaches the others, it leaves.
func TestChat(t *testing.T) {
	f := newFixture(t, "")
	a := f.request("/ws?room=chat:3")
	if got := a.response.Header.Get("Sec-WebSocket-Accept"); a.response.StatusCode != http.StatusSwitchingProtocols || got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("answer %d, accept %q", a.response.StatusCode, got)
	}
	e := f.event()
	joined := e.GetWebsocket()
	if e.GetType() != TypeConnect || e.GetSubject() != "chat:3" || joined.GetRoom() != "chat:3" || joined.GetRouteKey() != RouteConnect || joined.GetSourceIp() != "127.0.0.1" {
		t.Errorf("connect event %v", e)
	}
	a.id = joined.GetConnectionId()
	if len(a.id) != 16 || !strings.HasSuffix(a.id, "=") {
		t.Errorf("connection id %q", a.id)
	}
	b := f.join("chat:3")

	const text = `{"message": "test", "room": "chat:3", "data": "some message."}`
	a.send(text)
	e = f.event()
	m := e.GetWebsocket()
	if e.GetType() != TypeMessage || e.GetSubject() != "chat:3" || string(e.GetBody()) != text || e.GetKind() != Name || e.GetSource() != "chat" ||
		e.GetContentType() != "application/json" || e.GetReceivedUnixNano() != f.clock.Now().UnixNano() {
		t.Errorf("message event %v", e)
	}
	if m.GetEventType() != "message" || m.GetConnectionId() != a.id || m.GetRoom() != "chat:3" || m.GetRouteKey() != RouteDefault ||
		m.GetText() != text || string(m.GetBody().GetText()) != text {
		t.Errorf("message %v", m)
	}
	if n := f.Broadcast("chat:3", []byte(`{"data":1}`), false, a.id); n != 1 {
		t.Errorf("broadcast to %d, want 1", n)
	}
	if got := b.receive(); got != `{"data":1}` {
		t.Errorf("b got %q", got)
	}
	if err := f.Send(a.id, []byte("\x00\xff"), true); err != nil {
		t.Fatal(err)
	}
	if got := a.next(); got.Header.OpCode != ws.OpBinary || string(got.Payload) != "\x00\xff" {
		t.Errorf("a got %v", got)
	}
	f.leave(a)
	eventually(t, "gone", func() bool { return errors.Is(f.Send(a.id, nil, false), source.ErrGone) })
	if n := f.Broadcast("chat:3", []byte("x"), false, ""); n != 1 {
		t.Errorf("broadcast to %d, want 1", n)
	}
	go f.stop()
	if code := b.ends(); code != codeGoingAway {
		t.Errorf("stopped with %d", code)
	}
	if got := f.expect(TypeDisconnect); got.GetCloseCode() != codeGoingAway || got.GetRoom() != "chat:3" {
		t.Errorf("disconnect event %v", got)
	}
	f.stop()
	if k := f.request("/ws?room=a"); k.response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("answer while stopping %d", k.response.StatusCode)
	}
}
