package apigateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/gateway"
)

// List implements source.Rooms. It reads the whole table.
func (s *Source) List(ctx context.Context) ([]source.RoomInfo, error) {
	out, err := s.backend()
	if err != nil {
		return nil, err
	}
	count := map[string]int{}
	err = out.store.all(ctx, func(r row) {
		if s.mayExist(r) {
			count[r.room]++
		}
	})
	rooms := make([]source.RoomInfo, 0, len(count))
	for name, members := range count {
		rooms = append(rooms, source.RoomInfo{Name: name, Members: members})
	}
	slices.SortFunc(rooms, func(a, b source.RoomInfo) int { return strings.Compare(a.Name, b.Name) })
	return rooms, err
}

// mayExist reports whether a connection is in a room and not older than the API allows.
func (s *Source) mayExist(r row) bool {
	return r.room != "" && (r.expires.IsZero() || !r.expires.Before(s.now()))
}

// Members implements source.Rooms. The table knows only when they connected.
func (s *Source) Members(ctx context.Context, room string) ([]source.RoomMember, error) {
	rows, err := s.members(ctx, room)
	members := make([]source.RoomMember, 0, len(rows))
	for _, r := range rows {
		members = append(members, source.RoomMember{ConnectionID: r.connection, Connected: r.connected})
	}
	slices.SortFunc(members, func(a, b source.RoomMember) int {
		return cmp.Or(a.Connected.Compare(b.Connected), strings.Compare(a.ConnectionID, b.ConnectionID))
	})
	return members, err
}

func (s *Source) members(ctx context.Context, room string) ([]row, error) {
	out, err := s.backend()
	if err != nil {
		return nil, err
	}
	var rows []row
	err = out.store.members(ctx, room, func(r row) {
		if s.mayExist(r) {
			rows = append(rows, r)
		}
	})
	return rows, err
}

// Close implements source.Rooms. API Gateway takes neither code nor reason.
func (s *Source) Close(ctx context.Context, room, connectionID string, code int, reason string) (closed int, err error) {
	code, err = source.CheckClose(room, connectionID, code, reason)
	switch {
	case err != nil:
		return 0, err
	case code != source.CloseNormal || reason != "":
		return 0, fmt.Errorf("%w: API Gateway chooses the code and sends no reason: leave both out", source.ErrInvalidClose)
	case connectionID != "":
		return s.closeOne(ctx, connectionID)
	}
	rows, err := s.members(ctx, room)
	if err != nil {
		return 0, err
	}
	var count atomic.Int64
	var group errgroup.Group
	group.SetLimit(maxPosts)
	for _, r := range rows {
		group.Go(func() error {
			err := s.disconnect(ctx, r)
			switch {
			case err == nil:
				count.Add(1)
			case errors.Is(err, source.ErrGone):
				return nil
			}
			return err
		})
	}
	err = group.Wait()
	return int(count.Load()), err
}

func (s *Source) closeOne(ctx context.Context, connectionID string) (closed int, err error) {
	out, err := s.backend()
	if err != nil {
		return 0, err
	}
	r, err := out.store.find(ctx, connectionID)
	if err != nil {
		return 0, err
	}
	r.connection = connectionID // a connection that is not in the table may exist
	if err := s.disconnect(ctx, r); err != nil {
		return 0, err
	}
	return 1, nil
}

// disconnect ends a connection; its $disconnect follows. If there is none any more the error is source.ErrGone, and its row is
// removed.
func (s *Source) disconnect(ctx context.Context, r row) error {
	out, err := s.backend()
	if err != nil {
		return err
	}
	err = out.api.Disconnect(ctx, r.connection)
	if !errors.Is(err, gateway.ErrGone) {
		return err
	}
	s.gone(ctx, out.store, r)
	return source.ErrGone
}

// gone ends a connection that API Gateway calls gone, unless it may not be open yet or is not in the table.
func (s *Source) gone(ctx context.Context, list store, r row) {
	if r.room == "" || s.now().Sub(r.connected) < gateway.ConnectGrace {
		return
	}
	if err := s.end(ctx, list, r); err != nil {
		s.log.Warn("ended connection was not removed from the table", "connection", r.connection, "err", err)
	}
}
