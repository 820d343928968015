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

// deadSelectors are the flags that select dead letters.
var deadSelectors = []string{"plugin", "rule", "reason", "source", "since", "until", "match"}

func newDead(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "See dead letters, and retry or drop them",
		Long: `See dead letters, and retry or drop them.

A dead letter is a delivery that the router has given up: the plugin rejected it, its retries are exhausted, or its rule failed.`,
		Args: groupOnly,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDeadList(s), newDeadShow(s), newDeadRetry(s), newDeadDrop(s))
	return cmd
}

// deadListFlags are the flags of `dead list`.
type deadListFlags struct {
	clientFlags
	selector
	limit     int
	failIfAny bool
}

func newDeadList(s streams) *cobra.Command {
	var f deadListFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters, newest first",
		Example: `  pointsman dead list --plugin ops --since 1d
  pointsman dead list --fail-if-any          # from a check: exit code 6 if there are any`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.matching = f.match != ""
			return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error { return f.run(cmd.Context(), s, c) })
		},
	}
	f.registerReading(cmd)
	f.selector.register(cmd, &f.clientFlags, deadSelectors...)
	cmd.Flags().IntVar(&f.limit, "limit", 50, "the most dead letters to list")
	cmd.Flags().BoolVar(&f.failIfAny, "fail-if-any", false, "end with exit code 6 if there are any")
	return cmd
}

func (f *deadListFlags) run(ctx context.Context, s streams, c adminv1connect.AdminServiceClient) error {
	filter, err := f.deadFilter(nil, s.now())
	if err != nil {
		return err
	}
	if err := checkLimit(f.limit); err != nil {
		return err
	}
	dead, next, err := collect(ctx, f.limit, func(size int32, token string) ([]*adminv1.Delivery, string, error) {
		resp, err := c.ListDeliveries(ctx, connect.NewRequest(&adminv1.ListDeliveriesRequest{Filter: filter, PageSize: size, PageToken: token}))
		if err != nil {
			return nil, "", err
		}
		return resp.Msg.GetDeliveries(), resp.Msg.GetNextPageToken(), nil
	})
	if err != nil {
		return err
	}
	if len(dead) == 0 {
		f.warnUnknown(ctx, s, c)
	}
	if f.asJSON {
		err = writeJSON(s.out, &adminv1.ListDeliveriesResponse{Deliveries: dead, NextPageToken: next})
	} else {
		err = writeDead(s, dead)
		listed(s, len(dead), next, "dead letters", f.given())
	}
	if err == nil && f.failIfAny && len(dead) > 0 {
		return &exitError{code: exitFindings, err: errReported}
	}
	return err
}

func writeDead(s streams, dead []*adminv1.Delivery) error {
	if len(dead) == 0 {
		return nil
	}
	t := newTable(s.out, "ID", "DEAD SINCE", "PLUGIN", "RULE", "EVENT", "ATTEMPTS", "REASON", "ERROR")
	for _, d := range dead {
		t.row(d.GetId(), moment(d.GetSettled(), s.now()), d.GetPlugin(), d.GetRule(), fmt.Sprint(d.GetEventNumber()), fmt.Sprint(d.GetAttempts()),
			d.GetReason(), brief(d.GetError(), 80))
	}
	return t.flush()
}

func newDeadShow(s streams) *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:     "show <id>",
		Short:   "Show a delivery: its attempts, its error, its arguments",
		Example: "  pointsman dead show k3v9x2-1042",
		Args:    arguments("id"),
		RunE: func(cmd *cobra.Command, given []string) error {
			color, err := useColor(f.color, s.out)
			if err != nil {
				return err
			}
			return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error {
				resp, err := c.GetDelivery(cmd.Context(), connect.NewRequest(&adminv1.GetDeliveryRequest{Id: given[0]}))
				if err != nil {
					return notInJournal("delivery "+given[0], err)
				}
				if f.asJSON {
					return writeJSON(s.out, resp.Msg)
				}
				return writeDelivery(s.out, resp.Msg.GetDelivery(), s.now(), ink(color))
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.registerReading(cmd)
	return cmd
}

func writeDelivery(w io.Writer, d *adminv1.Delivery, now time.Time, color ink) error {
	fmt.Fprintf(w, "Delivery %s: %s\n\n", printable(d.GetId()), color.state(deliveryState(d.GetState())))
	t := newTable(w)
	t.fact("Event", fmt.Sprintf("%d, %s/%s, received %s", d.GetEventNumber(), d.GetSource(), d.GetEventId(), moment(d.GetReceived(), now)))
	t.fact("Rule", d.GetRule())
	t.fact("Plugin", d.GetPlugin())
	t.fact("Order key", d.GetOrderKey())
	t.fact("Attempts", fmt.Sprint(d.GetAttempts()))
	t.fact("Policy", policy(d.GetPolicy()))
	t.fact("Reason", d.GetReason())
	t.fact("Error", d.GetError())
	if err := t.flush(); err != nil {
		return err
	}
	if history := deliveryTimeline(d, "", color); len(history) > 0 {
		fmt.Fprintln(w)
		writeHistory(w, history, now)
	}
	if a := d.GetArgumentsJson(); a != "" {
		fmt.Fprintf(w, "\nArguments\n%s\n", printableText(indented(a)))
	}
	return nil
}

// policy describes how often and how long a delivery is tried.
func policy(p *adminv1.Policy) string {
	if p == nil {
		return ""
	}
	var limits []string
	if n := p.GetMaxAttempts(); n > 0 {
		limits = append(limits, "at most "+count(int(n), "attempt"))
	}
	if age := p.GetMaxAge().AsDuration(); age > 0 {
		limits = append(limits, "for up to "+brevity(age))
	}
	first, most := p.GetMinBackoff().AsDuration(), p.GetMaxBackoff().AsDuration()
	waits := fmt.Sprintf("waits a random time of at most %s after the first failure", brevity(first))
	if most > first {
		waits += fmt.Sprintf(", then twice as much each time, at most %s", brevity(most))
	} else {
		waits = fmt.Sprintf("waits a random time of at most %s after each failure", brevity(first))
	}
	return strings.Join(append(limits, waits, "an attempt may take "+brevity(p.GetTimeout().AsDuration())), "; ")
}
