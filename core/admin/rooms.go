package admin

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"

	"connectrpc.com/connect"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// ListRooms implements adminv1connect.AdminServiceHandler.
func (s *Service) ListRooms(ctx context.Context, req *connect.Request[adminv1.ListRoomsRequest]) (*connect.Response[adminv1.ListRoomsResponse], error) {
	if s.Router == nil {
		return nil, notRunning()
	}
	p, err := pageOf(req.Msg)
	if err != nil {
		return nil, err
	}
	all, err := s.Router.Rooms(ctx, req.Msg.GetSource())
	if err != nil {
		return nil, err
	}
	rooms, next := cut(p, all, func(r *adminv1.Room) string { return r.GetSource() + "\x00" + r.GetName() })
	return connect.NewResponse(&adminv1.ListRoomsResponse{Rooms: rooms, NextPageToken: next}), nil
}

// ListRoomMembers implements adminv1connect.AdminServiceHandler.
func (s *Service) ListRoomMembers(ctx context.Context, req *connect.Request[adminv1.ListRoomMembersRequest]) (*connect.Response[adminv1.ListRoomMembersResponse], error) {
	if s.Router == nil {
		return nil, notRunning()
	}
	if req.Msg.GetRoom() == "" {
		return nil, invalid("name the room")
	}
	p, err := pageOf(req.Msg)
	if err != nil {
		return nil, err
	}
	all, err := s.Router.RoomMembers(ctx, req.Msg.GetSource(), req.Msg.GetRoom())
	if err != nil {
		return nil, err
	}
	all = slices.SortedFunc(slices.Values(all), func(a, b *adminv1.RoomMember) int { return cmp.Compare(memberKey(a), memberKey(b)) })
	members, next := cut(p, all, memberKey)
	return connect.NewResponse(&adminv1.ListRoomMembersResponse{Members: members, NextPageToken: next}), nil
}

// memberKey orders the members of a room, oldest first.
func memberKey(m *adminv1.RoomMember) string {
	return fmt.Sprintf("%020d %s", m.GetConnected().AsTime().UnixNano(), m.GetConnectionId())
}

// CloseConnections implements adminv1connect.AdminServiceHandler.
func (s *Service) CloseConnections(ctx context.Context, req *connect.Request[adminv1.CloseConnectionsRequest]) (*connect.Response[adminv1.CloseConnectionsResponse], error) {
	m := req.Msg
	if s.Router == nil {
		return nil, notRunning()
	}
	n, err := s.Router.CloseConnections(ctx, m)
	s.changed(ctx, err, "close of connections", slog.String("source", m.GetSource()), slog.String("room", m.GetRoom()),
		slog.String("connection", m.GetConnectionId()), slog.Int("connections", n))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&adminv1.CloseConnectionsResponse{Closed: int32(n)}), nil
}
