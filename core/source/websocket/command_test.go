package websocket

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"

	"github.com/pointsman/pointsman/core/source"
)

func TestRooms(t *testing.T) {
	f := newFixture(t, `"limits":{"rooms_per_connection":3,"connections_per_room":2}`)
	a, b, c := f.join("a"), f.join("b"), f.join("b")
	a.send(`{"$join":"c"}`)
	if got := a.receive(); got != `{"$joined":"c"}` {
		t.Errorf("got %s", got)
	}
	a.send(`{"$join":"c"}`) // once more is nothing new
	a.receive()
	if n := f.Broadcast("c", []byte("x"), false, ""); n != 1 || a.receive() != "x" {
		t.Errorf("broadcast to %d", n)
	}
	// A message is for the room that it names, or else for the one joined first.
	a.send(`{"room":"c","data":1}`)
	if got := f.expect(TypeMessage).GetRoom(); got != "c" {
		t.Errorf("message for %q", got)
	}
	a.send(`hello`)
	if got := f.expect(TypeMessage).GetRoom(); got != "a" {
		t.Errorf("message for %q", got)
	}
	a.send(`{"$join":"b"}`)
	if got := a.clientError(); got != "room_full" {
		t.Errorf("clientError %q", got)
	}
	f.leave(c)
	a.send(`{"$join":"b"}`)
	a.receive()
	a.send(`{"$join":"d"}`)
	if got := a.clientError(); got != "too_many_rooms" {
		t.Errorf("clientError %q", got)
	}
	a.send(`{"$presence":"b"}`)
	var present struct {
		Room    string   `json:"$presence"`
		Count   int      `json:"count"`
		Members []member `json:"members"`
	}
	if err := json.Unmarshal([]byte(a.receive()), &present); err != nil {
		t.Fatal(err)
	}
	if present.Room != "b" || present.Count != 2 || len(present.Members) != 2 ||
		fmt.Sprint(present.Members) != fmt.Sprint([]member{{a.id, ""}, {b.id, ""}}) && fmt.Sprint(present.Members) != fmt.Sprint([]member{{b.id, ""}, {a.id, ""}}) {
		t.Errorf("presence %+v", present)
	}
	for _, room := range []string{"a", "b", "c"} {
		a.send(`{"$leave":"` + room + `"}`)
		if got := a.receive(); got != `{"$left":"`+room+`"}` {
			t.Errorf("got %s", got)
		}
	}
	if n := f.Broadcast("a", []byte("x"), false, ""); n != 0 {
		t.Errorf("broadcast to %d", n)
	}
	f.leave(a)
	f.leave(b)
	if got := f.counted(f.metrics.rooms); got != 0 {
		t.Errorf("%v rooms left", got)
	}
}

// A client that has left all its rooms must say which room it means, and cannot.
func TestNoRoom(t *testing.T) {
	f := newFixture(t, "")
	k := f.join("a")
	k.send(`{"$leave":"a"}`)
	k.receive()
	k.send(`hello`)
	if got := k.clientError(); got != "no_room" {
		t.Errorf("clientError %q", got)
	}
}

func TestAnyRoom(t *testing.T) {
	f := newFixture(t, `"require_membership":false`)
	k := f.join("a")
	k.send(`{"room":"b"}`)
	if got := f.expect(TypeMessage).GetRoom(); got != "b" {
		t.Errorf("message for %q", got)
	}
	if w := f.Info().Warnings; len(w) != 2 {
		t.Errorf("warnings %q", w)
	}
}

// What only looks like a command is a message.
func TestNoCommand(t *testing.T) {
	f := newFixture(t, "")
	k := f.join("a")
	for _, text := range []string{`{"$join":"b","x":1}`, `{"$connect":"b"}`, `["$join","b"]`, `{"$join":"b"`, `{"$join":"b","$join":"c"}`} {
		k.send(text)
		if got := f.expect(TypeMessage); got.GetText() != text {
			t.Errorf("message %v", got)
		}
	}
}

func TestBinary(t *testing.T) {
	f := newFixture(t, `"binary":true`)
	k := f.join("a")
	k.write(frame(2, true, "\x00\xff{}"))
	e := f.event()
	if m := e.GetWebsocket(); string(e.GetBody()) != "\x00\xff{}" || m.GetText() != "" || m.GetBody() != nil || m.GetRouteKey() != RouteDefault || m.GetRoom() != "a" {
		t.Errorf("event %v", e)
	}
}

// Messages of one connection keep their order, and have ids of their own.
func TestOrder(t *testing.T) {
	f := newFixture(t, "")
	k := f.join("a")
	seen := map[string]bool{}
	for i := range 50 {
		k.send(fmt.Sprint(i))
	}
	for i := range 50 {
		e := f.event()
		if string(e.GetBody()) != fmt.Sprint(i) || seen[e.GetId()] {
			t.Fatalf("event %d: %v", i, e)
		}
		seen[e.GetId()] = true
	}
}

func TestDurability(t *testing.T) {
	for durability, memory := range map[string]bool{"disk": false, "memory": true} {
		f := newFixture(t, `"durability":"`+durability+`"`)
		f.request("/ws?room=a")
		if e := <-f.intake.events; e.Memory != memory {
			t.Errorf("%s: memory %t", durability, e.Memory)
		}
	}
}

// What is sent to a connection while its first event is being stored waits for it.
func TestSendWhileConnecting(t *testing.T) {
	f := newFixture(t, "")
	f.intake.before(func(e *pointsmanv1.Envelope) error {
		if e.GetType() == TypeConnect {
			if err := f.Send(e.GetWebsocket().GetConnectionId(), []byte("welcome"), false); err != nil {
				t.Error(err)
			}
			f.Broadcast("a", []byte("look who is here"), false, "")
		}
		return nil
	})
	k := f.request("/ws?room=a")
	for _, want := range []string{"welcome", "look who is here"} {
		if got := k.receive(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// An intake that panics fails one event, and nothing else.
func TestPanic(t *testing.T) {
	f := newFixture(t, "")
	f.intake.before(func(*pointsmanv1.Envelope) error { panic("oops") })
	if k := f.request("/ws?room=a"); k.response.StatusCode != 503 {
		t.Errorf("answer %d", k.response.StatusCode)
	}
	if got := f.counted(f.metrics.connections); got != 0 {
		t.Errorf("%v connections", got)
	}
	f.intake.before(nil)
	k := f.join("a")
	f.leave(k)
}

// A bug met by one message ends one connection.
func TestBug(t *testing.T) {
	f := newFixture(t, "")
	k := f.join("a")
	f.metrics.messages = nil
	k.send("x")
	if code := k.ends(); code != codeInternal {
		t.Errorf("closed with %d", code)
	}
	f.expect(TypeMessage)
	f.expect(TypeDisconnect)
}

func TestSendErrors(t *testing.T) {
	f := newFixture(t, "")
	k := f.join("a")
	if err := f.Send(k.id, make([]byte, 128<<10+1), true); !errors.Is(err, source.ErrTooLarge) {
		t.Errorf("Send: %v, want source.ErrTooLarge", err)
	}
	if n := f.Broadcast("a", make([]byte, 128<<10+1), true, ""); n != 0 {
		t.Errorf("broadcast to %d", n)
	}
	if err := f.Send("nobody", nil, true); !errors.Is(err, source.ErrGone) {
		t.Errorf("Send: %v, want source.ErrGone", err)
	}
}
