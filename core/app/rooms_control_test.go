package app

import (
	"errors"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/pointsman/pointsman/core/admin"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

func TestRoomsForOperators(t *testing.T) {
	r := newRig(t)
	r.start(baseConfig + "source \"websocket\" \"chat\" {\n  path = \"/ws\"\n}\n")
	conn, _, _, err := ws.Dial(t.Context(), "ws://"+r.listener.Addr().String()+"/ws?room=lobby")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r.until("member", func() bool { return r.broadcast("lobby", "hello") == 1 })
	if text, err := wsutil.ReadServerText(conn); err != nil || string(text) != "hello" {
		t.Fatalf("%q, %v", text, err)
	}
	rooms, err := r.Rooms(t.Context(), "")
	if err != nil || len(rooms) != 1 || rooms[0].GetSource() != "chat" || rooms[0].GetName() != "lobby" || rooms[0].GetMembers() != 1 {
		t.Fatalf("rooms %v, %v", rooms, err)
	}
	members, err := r.RoomMembers(t.Context(), "", "lobby")
	if err != nil || len(members) != 1 || members[0].GetRemoteAddress() != "127.0.0.1" || members[0].GetConnected() == nil {
		t.Fatalf("members %v, %v", members, err)
	}
	for name, tt := range map[string]struct {
		source, connection string
		want               error
		text               string
	}{
		"nothing named":      {"chat", "", admin.ErrInvalid, "name either a room or a connection"},
		"no such source":     {"nosuch", "", admin.ErrNotFound, `there is no source "nosuch"; sources with rooms: chat`},
		"a source without":   {"lab", "", admin.ErrInvalid, "is of kind intdash and has no rooms"},
		"no such connection": {"", "nosuch", admin.ErrNotFound, `connection "nosuch": it has ended, or never was`},
	} {
		_, err := r.CloseConnections(t.Context(), &adminv1.CloseConnectionsRequest{Source: tt.source, ConnectionId: tt.connection})
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v, want %q", name, err, tt.text)
		}
	}
	for text, req := range map[string]*adminv1.CloseConnectionsRequest{
		"1005 is not a close code": {Room: "lobby", Code: 1005}, "may have 123": {Room: "lobby", Reason: strings.Repeat("x", 124)},
	} {
		if _, err := r.CloseConnections(t.Context(), req); !errors.Is(err, admin.ErrInvalid) || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %q", err, text)
		}
	}
	n, err := r.CloseConnections(t.Context(), &adminv1.CloseConnectionsRequest{Room: "lobby", Code: 4001, Reason: "bye"})
	if n != 1 || err != nil {
		t.Errorf("closed %d, %v", n, err)
	}
	_, err = wsutil.ReadServerText(conn)
	if closed, ok := errors.AsType[wsutil.ClosedError](err); !ok || closed.Code != 4001 || closed.Reason != "bye" {
		t.Errorf("the client got %v, want 4001 bye", err)
	}
}
