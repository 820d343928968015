package main

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

func newRooms(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rooms",
		Short: "See the rooms of WebSocket sources and who is in them, and close connections",
		Args:  groupOnly,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRoomsList(s), newRoomsMembers(s), newRoomsClose(s))
	return cmd
}

// roomsFlags are the flags of the commands about rooms.
type roomsFlags struct {
	clientFlags
	source string
	limit  int
}

func (f *roomsFlags) registerSource(cmd *cobra.Command, usage string) {
	f.register(cmd)
	cmd.Flags().StringVar(&f.source, "source", "", usage)
	f.completeFlag(cmd, "source")
}

func newRoomsList(s streams) *cobra.Command {
	var f roomsFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List rooms with how many are in them",
		Example: "  pointsman rooms list --source chat",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error { return f.list(cmd.Context(), s, c) })
		},
	}
	f.registerSource(cmd, "only of this source")
	cmd.Flags().IntVar(&f.limit, "limit", 50, "the most rooms to list")
	return cmd
}

func (f *roomsFlags) list(ctx context.Context, s streams, c adminv1connect.AdminServiceClient) error {
	if err := checkLimit(f.limit); err != nil {
		return err
	}
	rooms, next, err := collect(ctx, f.limit, func(size int32, token string) ([]*adminv1.Room, string, error) {
		resp, err := c.ListRooms(ctx, connect.NewRequest(&adminv1.ListRoomsRequest{Source: f.source, PageSize: size, PageToken: token}))
		if err != nil {
			return nil, "", err
		}
		return resp.Msg.GetRooms(), resp.Msg.GetNextPageToken(), nil
	})
	if err != nil {
		return err
	}
	if f.asJSON {
		return writeJSON(s.out, &adminv1.ListRoomsResponse{Rooms: rooms, NextPageToken: next})
	}
	listed(s, len(rooms), next, "rooms", f.source != "")
	if len(rooms) == 0 {
		return nil
	}
	t := newTable(s.out, "SOURCE", "ROOM", "MEMBERS")
	for _, r := range rooms {
		t.row(r.GetSource(), r.GetName(), humanize.Comma(int64(r.GetMembers())))
	}
	return t.flush()
}

func newRoomsMembers(s streams) *cobra.Command {
	var f roomsFlags
	cmd := &cobra.Command{
		Use:     "members <room>",
		Short:   "List the connections in a room, oldest first",
		Example: "  pointsman rooms members lobby",
		Args:    arguments("room"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error { return f.members(cmd.Context(), s, c, given[0]) })
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.registerSource(cmd, "source of the room, if several have rooms")
	cmd.Flags().IntVar(&f.limit, "limit", 50, "the most connections to list")
	return cmd
}

func (f *roomsFlags) members(ctx context.Context, s streams, c adminv1connect.AdminServiceClient, room string) error {
	if err := checkLimit(f.limit); err != nil {
		return err
	}
	members, next, err := collect(ctx, f.limit, func(size int32, token string) ([]*adminv1.RoomMember, string, error) {
		resp, err := c.ListRoomMembers(ctx, connect.NewRequest(&adminv1.ListRoomMembersRequest{
			Source: f.source, Room: room, PageSize: size, PageToken: token,
		}))
		if err != nil {
			return nil, "", err
		}
		return resp.Msg.GetMembers(), resp.Msg.GetNextPageToken(), nil
	})
	if err != nil {
		return err
	}
	if f.asJSON {
		return writeJSON(s.out, &adminv1.ListRoomMembersResponse{Members: members, NextPageToken: next})
	}
	if len(members) == 0 {
		fmt.Fprintf(s.err, "There is nobody in room %q.\n", room)
		return nil
	}
	listed(s, len(members), next, "connections", true)
	t := newTable(s.out, "CONNECTION", "CONNECTED", "ACTIVE", "SUBJECT", "ADDRESS", "QUEUED", "USER AGENT")
	for _, m := range members {
		t.row(m.GetConnectionId(), moment(m.GetConnected(), s.now()), relative(m.GetLastActive(), s.now()), brief(m.GetSubject(), 40),
			m.GetRemoteAddress(), bytesText(m.GetQueuedBytes()), brief(m.GetUserAgent(), 60))
	}
	return t.flush()
}

// roomsCloseFlags are the flags of `rooms close`.
type roomsCloseFlags struct {
	roomsFlags
	connection, reason string
	code               int32
}

func newRoomsClose(s streams) *cobra.Command {
	var f roomsCloseFlags
	cmd := &cobra.Command{
		Use:   "close <room> | --connection <id>",
		Short: "Close the connections of a room, or one connection",
		Long:  "Close the connections of a room, or one connection. A client may connect again.",
		Example: `  pointsman rooms close lobby --code 4000 --reason "closed for today"
  pointsman rooms close --connection 7f3a`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, given []string) error {
			if (len(given) == 1) == (f.connection != "") {
				return usageError(errors.New("give either a room or --connection"))
			}
			request := &adminv1.CloseConnectionsRequest{Source: f.source, ConnectionId: f.connection, Code: f.code, Reason: f.reason}
			if len(given) == 1 {
				request.Room = given[0]
			}
			return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error { return f.close(cmd.Context(), s, c, request) })
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.registerSource(cmd, "source of the room or connection, if several have rooms")
	flags := cmd.Flags()
	flags.StringVar(&f.connection, "connection", "", "id of one connection; pointsman rooms members shows them")
	flags.Int32Var(&f.code, "code", 0, "close code of RFC 6455 (default 1000)")
	flags.StringVar(&f.reason, "reason", "", "reason that the client is told, at most 123 bytes")
	return cmd
}

func (f *roomsFlags) close(ctx context.Context, s streams, c adminv1connect.AdminServiceClient, request *adminv1.CloseConnectionsRequest) error {
	resp, err := c.CloseConnections(ctx, connect.NewRequest(request))
	if err != nil {
		return err
	}
	n := resp.Msg.GetClosed()
	if f.asJSON {
		err = writeJSON(s.out, resp.Msg)
	} else if n > 0 {
		_, err = fmt.Fprintf(s.out, "closed %s\n", count(int(n), "connection"))
	}
	if err == nil && n == 0 {
		return &exitError{code: exitNotFound, err: fmt.Errorf("there is no room %q: a room exists while somebody is in it", request.GetRoom())}
	}
	return err
}
