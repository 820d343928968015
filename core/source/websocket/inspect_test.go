package websocket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/source"
)

func TestRoomsAreListed(t *testing.T) {
	f := newFixture(t, `"tokens":["a-token-of-at-least-24-bytes"],"jwt":{"secrets":["`+jwtSecret+`"]}`)
	token := signed(t, jwt.SigningMethodHS256, []byte(jwtSecret), jwt.MapClaims{"sub": "ann", "exp": f.clock.Now().Add(time.Hour).Unix()})
	start := f.clock.Now()
	old := f.join("b&token=a-token-of-at-least-24-bytes", "User-Agent", "test/1")
	f.clock.add(time.Minute)
	young := f.join("b&token=" + token)
	young.send(`{"$join":"a"}`)
	if got := young.receive(); got != `{"$joined":"a"}` {
		t.Fatalf("got %s", got)
	}
	f.clock.add(time.Minute)
	if err := f.Send(old.id, []byte("hi"), false); err != nil {
		t.Fatal(err)
	}
	old.receive()

	rooms, err := f.List(t.Context())
	if diff := cmp.Diff([]source.RoomInfo{{Name: "a", Members: 1}, {Name: "b", Members: 2}}, rooms); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	var members []source.RoomMember
	eventually(t, "nothing is queued", func() bool {
		members, err = f.Members(t.Context(), "b")
		return len(members) == 2 && members[0].QueuedBytes+members[1].QueuedBytes == 0
	})
	want := []source.RoomMember{
		{ConnectionID: old.id, Connected: start, LastActive: start.Add(2 * time.Minute), RemoteAddress: "127.0.0.1", UserAgent: "test/1"},
		{ConnectionID: young.id, Connected: start.Add(time.Minute), LastActive: start.Add(time.Minute), RemoteAddress: "127.0.0.1", Subject: "ann"},
	}
	if diff := cmp.Diff(want, members); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if members, err = f.Members(t.Context(), "c"); len(members) != 0 || err != nil {
		t.Errorf("members of nothing: %v, %v", members, err)
	}
}

func TestQueuedBytes(t *testing.T) {
	f := newFixture(t, "")
	k := f.join("a")
	large := make([]byte, 128<<10)
	eventually(t, "the queue is full", func() bool { return f.Send(k.id, large, true) != nil })
	members, err := f.Members(t.Context(), "a")
	if err != nil || len(members) != 1 || members[0].QueuedBytes < int64(len(large)) || members[0].QueuedBytes > int64(f.limits.Queue) {
		t.Errorf("%+v, %v", members, err)
	}
}

// closeFrame reads until the close frame, and answers it.
func (k *client) closeFrame() (code int, reason string) {
	k.t.Helper()
	for {
		f := k.next()
		if f.Header.OpCode == ws.OpClose {
			k.write(masked(ws.NewCloseFrame(f.Payload)))
			return int(binary.BigEndian.Uint16(f.Payload)), string(f.Payload[2:])
		}
	}
}

func TestCloseByOperator(t *testing.T) {
	f := newFixture(t, "")
	first, second, other := f.join("a"), f.join("a"), f.join("b")
	reason := strings.Repeat("é", 61) + "!"
	if closed, err := f.Close(t.Context(), "", first.id, 4000, reason); closed != 1 || err != nil {
		t.Fatalf("closed %d, %v", closed, err)
	}
	// It is gone for everybody at once, even before its client answers.
	if closed, err := f.Close(t.Context(), "", first.id, 0, ""); closed != 0 || !errors.Is(err, source.ErrGone) {
		t.Errorf("again: closed %d, %v", closed, err)
	}
	if members, err := f.Members(t.Context(), "a"); len(members) != 1 || members[0].ConnectionID != second.id || err != nil {
		t.Errorf("members %+v, %v", members, err)
	}
	if code, got := first.closeFrame(); code != 4000 || got != reason {
		t.Errorf("close frame %d %q", code, got)
	}
	if got := f.expect(TypeDisconnect); got.GetCloseCode() != 4000 || got.GetConnectionId() != first.id {
		t.Errorf("event %v", got)
	}
	if closed, err := f.Close(t.Context(), "a", "", 0, ""); closed != 1 || err != nil {
		t.Errorf("closed %d, %v", closed, err)
	}
	if code, got := second.closeFrame(); code != codeNormal || got != "" {
		t.Errorf("close frame %d %q", code, got)
	}
	f.expect(TypeDisconnect)
	if closed, err := f.Close(t.Context(), "a", "", 0, ""); closed != 0 || err != nil {
		t.Errorf("an empty room: closed %d, %v", closed, err)
	}
	for _, bad := range []struct {
		room, id string
		code     int
	}{{"b", other.id, 0}, {"", "", 0}, {"b", "", codeAbnormal}} {
		if closed, err := f.Close(t.Context(), bad.room, bad.id, bad.code, ""); closed != 0 || !errors.Is(err, source.ErrInvalidClose) {
			t.Errorf("%+v: closed %d, %v", bad, closed, err)
		}
	}
	if _, err := f.Close(t.Context(), "", "nobody=", 0, ""); !errors.Is(err, source.ErrGone) {
		t.Errorf("nobody: %v", err)
	}
	f.leave(other)
}

// Operators look while clients come, speak and go.
func TestListWhileConnectionsChange(t *testing.T) {
	f := newFixture(t, "")
	stop, looked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(looked)
		for {
			select {
			case <-stop:
				return
			default:
			}
			rooms, _ := f.List(t.Context())
			for _, r := range rooms {
				members, _ := f.Members(t.Context(), r.Name)
				if len(members) > 20 {
					t.Errorf("%d members", len(members))
				}
			}
		}
	}()
	for range 20 {
		k := f.join("a")
		f.Broadcast("a", []byte("x"), false, "")
		k.receive()
		f.leave(k)
	}
	close(stop)
	<-looked
}

// BenchmarkInspect looks at 10,000 connections. "held" is the time that the data path may have to wait for.
func BenchmarkInspect(b *testing.B) {
	const n = 10_000
	for _, shape := range []struct {
		name string
		room func(int) string
	}{
		{"one room", func(int) string { return "a" }},
		{"10,000 rooms", func(i int) string { return fmt.Sprint("room:", i) }},
	} {
		s := newUnserved(b, `{"limits":{"connections":10000,"connections_per_ip":10000,"connections_per_room":10000}}`)
		for i := range n {
			c := s.newConn(httptest.NewRequest("GET", "/ws", nil), anonymous, s.now())
			if err := s.hub.add(c, shape.room(i)); err != nil {
				b.Fatal(err)
			}
		}
		for name, look := range map[string]func(){
			"List":            func() { _, _ = s.List(b.Context()) },
			"Members":         func() { _, _ = s.Members(b.Context(), shape.room(0)) },
			"List, held":      func() { s.hub.list() },
			"Members, held":   func() { s.hub.members(shape.room(0), n) },
			"Broadcast, held": func() { s.Broadcast("nobody", nil, false, "") },
		} {
			b.Run(shape.name+"/"+name, func(b *testing.B) {
				for b.Loop() {
					look()
				}
			})
		}
	}
}
