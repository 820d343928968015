package websocket

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/source"
)

// List implements source.Rooms. A connection that is being closed counts until it has left.
func (s *Source) List(context.Context) ([]source.RoomInfo, error) {
	rooms := s.hub.list()
	slices.SortFunc(rooms, func(a, b source.RoomInfo) int { return strings.Compare(a.Name, b.Name) })
	return rooms, nil
}

// Members implements source.Rooms. It leaves out connections that are being closed.
func (s *Source) Members(_ context.Context, room string) ([]source.RoomMember, error) {
	conns, _ := s.hub.members(room, s.limits.PerRoom)
	members := make([]source.RoomMember, 0, len(conns))
	for _, c := range conns {
		if m, open := c.describe(); open {
			members = append(members, m)
		}
	}
	slices.SortFunc(members, func(a, b source.RoomMember) int {
		return cmp.Or(a.Connected.Compare(b.Connected), strings.Compare(a.ConnectionID, b.ConnectionID))
	})
	return members, nil
}

// describe returns false for a connection that is being closed.
func (c *conn) describe() (m source.RoomMember, open bool) {
	c.mu.Lock()
	queued, closing := c.queued, c.closing
	c.mu.Unlock()
	return source.RoomMember{
		ConnectionID: c.id, Connected: c.since, LastActive: time.Unix(0, c.active.Load()), RemoteAddress: c.ip, UserAgent: c.userAgent,
		Subject: c.identity.Load().user, QueuedBytes: int64(queued),
	}, !closing
}

// Close implements source.Rooms.
func (s *Source) Close(_ context.Context, room, connectionID string, code int, reason string) (closed int, err error) {
	if code, err = source.CheckClose(room, connectionID, code, reason); err != nil {
		return 0, err
	}
	if connectionID != "" {
		c := s.hub.find(connectionID)
		if c == nil || !c.close(code, reason) {
			return 0, source.ErrGone
		}
		return 1, nil
	}
	conns, _ := s.hub.members(room, s.limits.PerRoom)
	for _, c := range conns {
		if c.close(code, reason) {
			closed++
		}
	}
	return closed, nil
}
