package main

import (
	"context"
	"fmt"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

func newEvents(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events",
		Short: "See the events that the router has taken, and what became of them",
		Args:  groupOnly,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newEventsList(s), newEventsShow(s), newEventsTail(s))
	return cmd
}

// eventsListFlags are the flags of `events list`.
type eventsListFlags struct {
	clientFlags
	selector
	limit int
}

func newEventsList(s streams) *cobra.Command {
	var f eventsListFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List events, newest first",
		Long: `List events, newest first.

An event is pending while a delivery of it is, dead if one is a dead letter, done otherwise; unmatched if no rule wanted it,
quarantined if its body could not be decoded.`,
		Example: `  pointsman events list --since 2h --state dead
  pointsman events list --source uploads --match 'event.data.object.size > 10 * mb'
  pointsman events list --json | jq -r '.events[].id'`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.matching = f.match != ""
			return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error { return f.run(cmd.Context(), s, c) })
		},
	}
	f.registerReading(cmd)
	f.selector.register(cmd, &f.clientFlags, "source", "state", "rule", "plugin", "type", "since", "until", "match")
	cmd.Flags().IntVar(&f.limit, "limit", 50, "the most events to list")
	return cmd
}

func (f *eventsListFlags) run(ctx context.Context, s streams, c adminv1connect.AdminServiceClient) error {
	filter, err := f.eventFilter(s.now())
	if err != nil {
		return err
	}
	if err := checkLimit(f.limit); err != nil {
		return err
	}
	events, next, err := collect(ctx, f.limit, func(size int32, token string) ([]*adminv1.Event, string, error) {
		resp, err := c.ListEvents(ctx, connect.NewRequest(&adminv1.ListEventsRequest{Filter: filter, PageSize: size, PageToken: token}))
		if err != nil {
			return nil, "", err
		}
		return resp.Msg.GetEvents(), resp.Msg.GetNextPageToken(), nil
	})
	if err != nil {
		return err
	}
	if len(events) == 0 {
		f.warnUnknown(ctx, s, c)
	}
	if f.asJSON {
		return writeJSON(s.out, &adminv1.ListEventsResponse{Events: events, NextPageToken: next})
	}
	if len(events) > 0 {
		if err := writeEvents(s, events); err != nil {
			return err
		}
	}
	listed(s, len(events), next, "events", f.given())
	return nil
}

// eventNumber is the number of an event, empty for none.
func eventNumber(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func writeEvents(s streams, events []*adminv1.Event) error {
	t := newTable(s.out, "NUMBER", "RECEIVED", "SOURCE", "TYPE", "STATE", "REPEATS", "ID", "SUBJECT")
	for _, e := range events {
		t.row(fmt.Sprint(e.GetNumber()), moment(e.GetReceived(), s.now()), e.GetSource(), brief(e.GetType(), 60), eventState(e.GetState()),
			eventNumber(e.GetReplayOf()), brief(e.GetId(), 60), brief(e.GetSubject(), 60))
	}
	return t.flush()
}
