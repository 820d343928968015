package app

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/source"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// Rooms implements admin.Router.
func (r *router) Rooms(ctx context.Context, name string) ([]*adminv1.Room, error) {
	t := r.current.Load().rooms
	names := t.names
	if name != "" {
		if _, err := t.asked(name); err != nil {
			return nil, err
		}
		names = []string{name}
	}
	var all []*adminv1.Room
	for _, name := range names {
		rooms, err := t.rooms[name].List(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the rooms of source %q: %w", name, err)
		}
		for _, room := range rooms {
			all = append(all, &adminv1.Room{Source: name, Name: room.Name, Members: int32(room.Members)})
		}
	}
	return all, nil
}

// RoomMembers implements admin.Router.
func (r *router) RoomMembers(ctx context.Context, name, room string) ([]*adminv1.RoomMember, error) {
	rooms, err := r.current.Load().rooms.asked(name)
	if err != nil {
		return nil, err
	}
	members, err := rooms.Members(ctx, room)
	if err != nil {
		return nil, fmt.Errorf("list the members of room %q: %w", room, err)
	}
	all := make([]*adminv1.RoomMember, len(members))
	for i, m := range members {
		all[i] = &adminv1.RoomMember{
			ConnectionId: m.ConnectionID, RemoteAddress: m.RemoteAddress, UserAgent: m.UserAgent, Subject: m.Subject, QueuedBytes: m.QueuedBytes,
		}
		if !m.Connected.IsZero() {
			all[i].Connected = timestamppb.New(m.Connected)
		}
		if !m.LastActive.IsZero() {
			all[i].LastActive = timestamppb.New(m.LastActive)
		}
	}
	return all, nil
}

// CloseConnections implements admin.Router.
func (r *router) CloseConnections(ctx context.Context, req *adminv1.CloseConnectionsRequest) (int, error) {
	rooms, err := r.current.Load().rooms.asked(req.GetSource())
	if err != nil {
		return 0, err
	}
	closed, err := rooms.Close(ctx, req.GetRoom(), req.GetConnectionId(), int(req.GetCode()), req.GetReason())
	switch {
	case errors.Is(err, source.ErrGone):
		return closed, fmt.Errorf("%w: connection %q: it has ended, or never was", admin.ErrNotFound, req.GetConnectionId())
	case errors.Is(err, source.ErrInvalidClose):
		return closed, fmt.Errorf("%w: %w", admin.ErrInvalid, err)
	case err != nil:
		return closed, fmt.Errorf("close connections: %w", err)
	}
	return closed, nil
}

// asked returns the rooms that an operator means. Without a name they are those of the only source that has rooms.
func (t *roomTable) asked(name string) (source.Rooms, error) {
	switch {
	case t.rooms[name] != nil:
		return t.rooms[name], nil
	case name == "" && len(t.names) == 1:
		return t.rooms[t.names[0]], nil
	case name == "" && len(t.names) > 1:
		return nil, fmt.Errorf("%w: name one of the sources with rooms: %s", admin.ErrInvalid, orNone(t.names))
	case t.kinds[name] != "":
		return nil, fmt.Errorf("%w: source %q is of kind %s and has no rooms", admin.ErrInvalid, name, t.kinds[name])
	case len(t.names) == 0:
		return nil, fmt.Errorf("%w: no source has rooms", admin.ErrNotFound)
	}
	return nil, fmt.Errorf("%w: there is no source %q; sources with rooms: %s", admin.ErrNotFound, name, orNone(t.names))
}
