package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// deadChangeFlags are the flags of `dead retry` and `dead drop`.
type deadChangeFlags struct {
	clientFlags
	selector
	bulkFlags
}

// deadChange returns the change of the dead letters that the filter selects.
type deadChange func(f *deadChangeFlags, c adminv1connect.AdminServiceClient, filter *adminv1.DeliveryFilter) *bulk

func newDeadRetry(s streams) *cobra.Command {
	return newDeadChange(s, retryDead, &cobra.Command{
		Use:   "retry [id...]",
		Short: "Deliver dead letters again",
		Long: `Deliver dead letters again: they are due at once, with attempts and age counted from now.

It counts first and asks. Dead letters of a rule whose expression failed have no arguments and are left out: mend the rule, and
replay their events.`,
		Example: `  pointsman dead retry k3v9x2-1042 k3v9x2-1043
  pointsman dead retry --plugin ops --since 1d --dry-run
  pointsman dead retry --all --rate 2000/s --yes`,
	})
}

func newDeadDrop(s streams) *cobra.Command {
	return newDeadChange(s, dropDead, &cobra.Command{
		Use:   "drop [id...]",
		Short: "Give dead letters up: they are never delivered",
		Long: `Give dead letters up: they are never delivered, and no longer count as dead. Their events are kept as long as others.

It counts first and asks.`,
		Example: `  pointsman dead drop k3v9x2-1042
  pointsman dead drop --plugin ops --reason rejected --until 30d`,
	})
}

// newDeadChange completes a command that changes dead letters.
func newDeadChange(s streams, change deadChange, cmd *cobra.Command) *cobra.Command {
	var f deadChangeFlags
	cmd.RunE = func(cmd *cobra.Command, ids []string) error {
		filter, err := f.filter(s, ids)
		if err != nil {
			return err
		}
		return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error {
			return change(&f, c, filter).perform(cmd.Context(), s, f.asJSON)
		})
	}
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	f.clientFlags.register(cmd)
	f.selector.register(cmd, &f.clientFlags, append([]string{"all"}, deadSelectors...)...)
	f.bulkFlags.register(cmd)
	return cmd
}

// filter checks the command line and returns what it selects.
func (f *deadChangeFlags) filter(s streams, ids []string) (*adminv1.DeliveryFilter, error) {
	switch {
	case len(ids) > 0 && (f.all || f.given()):
		return nil, usageError(errors.New("give either ids, or flags that select dead letters"))
	case len(ids) == 0 && !f.all && !f.given():
		return nil, usageError(errors.New("which dead letters? Give their ids, a flag such as --plugin, or --all"))
	}
	if err := f.check(s); err != nil {
		return nil, err
	}
	return f.deadFilter(ids, s.now())
}

func retryDead(f *deadChangeFlags, c adminv1connect.AdminServiceClient, filter *adminv1.DeliveryFilter) *bulk {
	var counted, retried adminv1.RetryDeliveriesResponse
	var failed []*adminv1.Delivery // some of those that cannot be retried
	return &bulk{
		bulkFlags: &f.bulkFlags, past: "retried", nouns: "dead letters",
		page: func(ctx context.Context, dryRun bool, size int32, token string) (int, string, error) {
			resp, err := c.RetryDeliveries(ctx, connect.NewRequest(&adminv1.RetryDeliveriesRequest{
				Filter: filter, All: f.all, DryRun: dryRun, PageSize: size, PageToken: token,
			}))
			if err != nil {
				return 0, "", err
			}
			if len(filter.GetIds()) > 0 && resp.Msg.GetRetried()+resp.Msg.GetSkipped() == 0 {
				return 0, "", noSuchDead()
			}
			sum := pick(dryRun, &counted, &retried)
			sum.Retried += resp.Msg.GetRetried()
			sum.Skipped += resp.Msg.GetSkipped()
			if resp.Msg.GetSkipped() > 0 && len(failed) == 0 {
				if failed, err = ruleErrors(ctx, c, filter); err != nil {
					return 0, "", err
				}
			}
			return int(resp.Msg.GetRetried()), resp.Msg.GetNextPageToken(), nil
		},
		tally: func(dryRun bool) (int, string, proto.Message) {
			sum := pick(dryRun, &counted, &retried)
			sentence := pick(dryRun, "would retry ", "retried ") + count(int(sum.Retried), "dead letter")
			// What cannot be retried is known from counting, even if nothing was changed then.
			if n := max(counted.Skipped, retried.Skipped); n > 0 {
				sentence += "\n" + notRetried(int(n), sum.Retried > 0, failed)
			}
			return int(sum.Retried), sentence, sum
		},
		advise: func(ctx context.Context, s streams, total int) {
			if total == 0 {
				f.warnUnknown(ctx, s, c)
				return
			}
			warnNotConfigured(ctx, s, c, filter)
		},
		question: func(n int) string { return f.question(n, "retry") },
	}
}

// namedRuleErrors is how many dead letters that cannot be retried are named.
const namedRuleErrors = 3

// ruleErrors returns the first dead letters that a filter selects and that cannot be retried.
func ruleErrors(ctx context.Context, c adminv1connect.AdminServiceClient, filter *adminv1.DeliveryFilter) ([]*adminv1.Delivery, error) {
	only := proto.CloneOf(filter)
	only.Reason = ruleError
	found, _, err := collect(ctx, namedRuleErrors, func(size int32, token string) ([]*adminv1.Delivery, string, error) {
		resp, err := c.ListDeliveries(ctx, connect.NewRequest(&adminv1.ListDeliveriesRequest{Filter: only, PageSize: size, PageToken: token}))
		if err != nil {
			return nil, "", err
		}
		return resp.Msg.GetDeliveries(), resp.Msg.GetNextPageToken(), nil
	})
	return found, err
}

// notRetried gives advice about n dead letters whose rules failed, of which some are named. others is true if other dead letters were
// retried.
func notRetried(n int, others bool, named []*adminv1.Delivery) string {
	text := pick(others, count(n, "other"), fmt.Sprint(n)) + " cannot be retried because " + pick(n == 1, "its rule failed", "their rules failed")
	if len(named) == 0 {
		return text
	}
	var events, rules, ids []string
	for _, d := range named {
		events, ids = append(events, fmt.Sprint(d.GetEventNumber())), append(ids, printable(d.GetId()))
		rules = append(rules, "--rule "+printable(d.GetRule()))
	}
	for _, list := range []*[]string{&events, &rules} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	text += fmt.Sprintf(". Mend %s, then run:\n  pointsman replay %s %s\n  pointsman dead drop %s", pick(n == 1, "it", "them"),
		strings.Join(events, " "), strings.Join(rules, " "), strings.Join(ids, " "))
	if more := n - len(named); more > 0 {
		text += fmt.Sprintf("\npointsman dead list --reason %s shows %d more.", ruleError, more)
	}
	return text
}

func dropDead(f *deadChangeFlags, c adminv1connect.AdminServiceClient, filter *adminv1.DeliveryFilter) *bulk {
	var counted, dropped adminv1.DropDeliveriesResponse
	return &bulk{
		bulkFlags: &f.bulkFlags, past: "dropped", nouns: "dead letters",
		page: func(ctx context.Context, dryRun bool, size int32, token string) (int, string, error) {
			resp, err := c.DropDeliveries(ctx, connect.NewRequest(&adminv1.DropDeliveriesRequest{
				Filter: filter, All: f.all, DryRun: dryRun, PageSize: size, PageToken: token,
			}))
			if err != nil {
				return 0, "", err
			}
			if len(filter.GetIds()) > 0 && resp.Msg.GetDropped() == 0 {
				return 0, "", noSuchDead()
			}
			pick(dryRun, &counted, &dropped).Dropped += resp.Msg.GetDropped()
			return int(resp.Msg.GetDropped()), resp.Msg.GetNextPageToken(), nil
		},
		tally: func(dryRun bool) (int, string, proto.Message) {
			sum := pick(dryRun, &counted, &dropped)
			return int(sum.Dropped), pick(dryRun, "would drop ", "dropped ") + count(int(sum.Dropped), "dead letter"), sum
		},
		advise: func(ctx context.Context, s streams, total int) {
			if total == 0 {
				f.warnUnknown(ctx, s, c)
			}
		},
		question: func(n int) string { return f.question(n, "drop") },
	}
}

func noSuchDead() error {
	return &exitError{code: exitNotFound, err: errors.New("none of these deliveries is a dead letter")}
}

// question asks whether to do something to n dead letters.
func (f *deadChangeFlags) question(n int, verb string) string {
	return fmt.Sprintf("%s%s: %s %s?", count(n, "dead letter"), f.String(), verb, pick(n == 1, "it", "them"))
}

// pick returns one of two values.
func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}
