package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// eventsTailFlags are the flags of `events tail`.
type eventsTailFlags struct {
	clientFlags
	selector
	maxRate int32
}

func newEventsTail(s streams) *cobra.Command {
	var f eventsTailFlags
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show events and deliveries as they happen, until Ctrl-C",
		Long: `Show events as they are accepted and deliveries as they are attempted, a line each, until Ctrl-C.

When more happens than the terminal or --max-rate lets through, the router leaves items out and says how many.`,
		Example: `  pointsman events tail --source lab
  pointsman events tail --plugin ops --json | jq -c 'select(.delivery.state == "DELIVERY_STATE_DEAD")'`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error { return f.run(cmd.Context(), s, c) })
		},
	}
	f.clientFlags.register(cmd)
	f.selector.register(cmd, &f.clientFlags, "source", "state", "rule", "plugin", "type", "match")
	cmd.Flags().Int32Var(&f.maxRate, "max-rate", 200, "the most items a second")
	return cmd
}

func (f *eventsTailFlags) run(ctx context.Context, s streams, c adminv1connect.AdminServiceClient) error {
	filter, err := f.eventFilter(s.now())
	if err != nil {
		return err
	}
	stream, err := c.TailEvents(ctx, connect.NewRequest(&adminv1.TailEventsRequest{Filter: filter, MaxRate: f.maxRate}))
	if err != nil {
		return err
	}
	defer stream.Close() //nolint:errcheck // nothing is read any more

	// The router sends the header when nothing is missed any more. Without a connection, and with an error instead, there is no such one.
	if strings.HasPrefix(stream.ResponseHeader().Get("Content-Type"), "application/connect+") {
		f.warnUnknown(ctx, s, c)
		fmt.Fprintln(s.err, "Following, Ctrl-C ends it")
	}
	for stream.Receive() {
		if f.asJSON {
			err = writeJSONLine(s.out, stream.Msg())
		} else {
			err = writeTailed(s.out, stream.Msg(), s.now())
		}
		if err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil // Ctrl-C is how people end it.
	}
	return stream.Err()
}

// writeTailed prints an item as a line, and before it how many were left out.
func writeTailed(w io.Writer, m *adminv1.TailEventsResponse, now time.Time) error {
	if n := m.GetLeftOut(); n > 0 {
		if _, err := fmt.Fprintf(w, "(%d left out)\n", n); err != nil {
			return err
		}
	}
	line := ""
	switch {
	case m.GetEvent() != nil:
		e := m.GetEvent()
		line = fmt.Sprintf("%s  event %d %s  %s/%s  %s", stamp(e.GetReceived()), e.GetNumber(), eventState(e.GetState()),
			e.GetSource(), e.GetId(), e.GetType())
		if e.GetSubject() != "" {
			line += "  " + e.GetSubject()
		}
	case m.GetDelivery() != nil:
		line = tailedDelivery(m.GetDelivery(), now)
	default:
		return nil
	}
	_, err := fmt.Fprintln(w, printable(line))
	return err
}

func tailedDelivery(d *adminv1.Delivery, now time.Time) string {
	at := now.UTC().Format(time.RFC3339)
	if d.GetSettled() != nil {
		at = stamp(d.GetSettled())
	}
	line := fmt.Sprintf("%s  event %d  rule %s  plugin %s: %s", at, d.GetEventNumber(), d.GetRule(), d.GetPlugin(), deliveryState(d.GetState()))
	switch d.GetState() {
	case adminv1.DeliveryState_DELIVERY_STATE_DEAD:
		line += fmt.Sprintf(" (%s): %s", d.GetReason(), d.GetError())
	case adminv1.DeliveryState_DELIVERY_STATE_PENDING:
		line += fmt.Sprintf(", attempt %d failed", d.GetAttempts())
		if d.GetDue() != nil {
			line += ", next " + relative(d.GetDue(), now)
		}
		line += ": " + d.GetError()
	default:
		if d.GetReceipt() != "" {
			line += ": " + d.GetReceipt()
		}
	}
	return line
}
