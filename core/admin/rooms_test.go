package admin

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

func TestRooms(t *testing.T) {
	r := newRig(t)
	for _, source := range []string{"chat", "chat-2"} {
		for i := range 5 {
			r.router.rooms = append(r.router.rooms, &adminv1.Room{Source: source, Name: fmt.Sprintf("room %d", i), Members: int32(i)})
		}
	}
	req := &adminv1.ListRoomsRequest{PageSize: 3}
	var got []string
	for {
		var page adminv1.ListRoomsResponse
		r.ask("ListRooms", req, &page)
		for _, room := range page.GetRooms() {
			got = append(got, room.GetSource()+"/"+room.GetName())
		}
		if len(got) == 3 { // The room at the end of the first page goes away, and one before it comes.
			r.router.rooms = append(r.router.rooms[:2], r.router.rooms[3:]...)
			r.router.rooms = append([]*adminv1.Room{{Source: "chat", Name: "a room"}}, r.router.rooms...)
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	want := "chat/room 0 chat/room 1 chat/room 2 chat/room 3 chat/room 4 chat-2/room 0 chat-2/room 1 chat-2/room 2 chat-2/room 3 chat-2/room 4"
	if strings.Join(got, " ") != want {
		t.Errorf("rooms %v", got)
	}
}

func TestRoomMembers(t *testing.T) {
	r := newRig(t)
	at := time.Unix(1e9, 0)
	for _, id := range []string{"c", "a", "b"} { // connected at the same time
		r.router.members = append(r.router.members, &adminv1.RoomMember{ConnectionId: id, Connected: timestamppb.New(at)})
	}
	r.router.members = append(r.router.members, &adminv1.RoomMember{ConnectionId: "0", Connected: timestamppb.New(at.Add(time.Second))})
	req := &adminv1.ListRoomMembersRequest{Room: "r", PageSize: 2}
	var got string
	for {
		var page adminv1.ListRoomMembersResponse
		r.ask("ListRoomMembers", req, &page)
		for _, m := range page.GetMembers() {
			got += m.GetConnectionId()
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	if got != "abc0" {
		t.Errorf("members %s", got)
	}
	r.refused("ListRoomMembers", "{}", "invalid_argument", "name the room")
}

func TestCloseConnections(t *testing.T) {
	r := newRig(t)
	var closed adminv1.CloseConnectionsResponse
	r.ask("CloseConnections", &adminv1.CloseConnectionsRequest{Source: "chat", Room: "r", Code: 4001, Reason: "maintenance"}, &closed)
	if closed.GetClosed() != 3 || !r.log.has("level=INFO", `change="close of connections"`, "source=chat", "room=r", "connections=3") {
		t.Errorf("%d closed, log: %s", closed.GetClosed(), r.log)
	}
	for body, text := range map[string]string{
		`{}`:                                  "name either a room or a connection",
		`{"room": "r", "connection_id": "c"}`: "name either a room or a connection",
		`{"room": "r", "code": 999}`:          "999 is not a close code that a server may send",
		`{"room": "r", "code": 1005}`:         "1005 is not a close code that a server may send",
		`{"room": "r", "code": 1006}`:         "1006 is not a close code that a server may send",
		`{"room": "r", "code": 1015}`:         "1015 is not a close code that a server may send",
		`{"room": "r", "code": 2000}`:         "2000 is not a close code that a server may send",
		`{"room": "r", "code": 5000}`:         "5000 is not a close code that a server may send",
		`{"room": "r", "code": -1}`:           "-1 is not a close code that a server may send",
		`{"room": "r", "reason": "` + strings.Repeat("x", 124) + `"}`: "may have 123",
	} {
		r.refused("CloseConnections", body, "invalid_argument", text)
	}
	if n := len(r.router.calls); n != 1 {
		t.Errorf("the router was called %d times", n)
	}
}
