package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"connectrpc.com/connect"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// replayFlags are the flags of `replay`.
type replayFlags struct {
	clientFlags
	selector
	bulkFlags
	rules []string
}

func newReplay(s streams) *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay [number...]",
		Short: "Send stored events through the rules in force once more",
		Long: `Send stored events through the rules in force once more: those with the numbers given, or those that flags select.

Each becomes a new event with new deliveries, which names the event it repeats. An event that no rule wants is not repeated. With
--rule only deliveries of that rule are made. It counts first and asks.`,
		Example: `  pointsman replay 41 42
  pointsman replay --source lab --since 2h --rule measurement-done --dry-run
  pointsman replay --state unmatched --since 1d --rate 50/s --yes`,
		RunE: func(cmd *cobra.Command, given []string) error {
			requests, err := f.requests(s, given)
			if err != nil {
				return err
			}
			return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error {
				return f.bulk(c, requests).perform(cmd.Context(), s, f.asJSON)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.clientFlags.register(cmd)
	f.selector.register(cmd, &f.clientFlags, "source", "state", "type", "since", "until", "match", "all")
	cmd.Flags().StringArrayVar(&f.rules, "rule", nil, "make only deliveries of this rule; may be given several times")
	f.completeFlag(cmd, "rule")
	f.bulkFlags.register(cmd)
	return cmd
}

// requests checks the command line and returns what to ask for: one request for each event, or one for a selection.
func (f *replayFlags) requests(s streams, numbers []string) ([]*adminv1.ReplayEventsRequest, error) {
	switch {
	case len(numbers) > 0 && (f.all || f.given()):
		return nil, usageError(errors.New("give either numbers, or flags that select events"))
	case len(numbers) == 0 && !f.all && !f.given():
		return nil, usageError(errors.New("which events? Give their numbers, a flag such as --source or --since, or --all"))
	}
	if err := f.check(s); err != nil {
		return nil, err
	}
	if len(numbers) == 0 {
		filter, err := f.eventFilter(s.now())
		return []*adminv1.ReplayEventsRequest{{Filter: filter, All: f.all, Rules: f.rules}}, err
	}
	var requests []*adminv1.ReplayEventsRequest
	for _, text := range numbers {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			return nil, usageError(fmt.Errorf("%q is not the number of an event: pointsman events list shows them", text))
		}
		requests = append(requests, &adminv1.ReplayEventsRequest{Number: n, Rules: f.rules})
	}
	return requests, nil
}

func (f *replayFlags) bulk(c adminv1connect.AdminServiceClient, requests []*adminv1.ReplayEventsRequest) *bulk {
	var counted, repeated adminv1.ReplayEventsResponse
	return &bulk{
		bulkFlags: &f.bulkFlags, past: "repeated", nouns: "events",
		page: func(ctx context.Context, dryRun bool, size int32, token string) (int, string, error) {
			i, token := requestOf(token)
			request := proto.CloneOf(requests[i])
			request.DryRun, request.PageSize, request.PageToken = dryRun, size, token
			resp, err := c.ReplayEvents(ctx, connect.NewRequest(request))
			if err != nil {
				return 0, "", err
			}
			sum := pick(dryRun, &counted, &repeated)
			sum.Events += resp.Msg.GetEvents()
			sum.Deliveries += resp.Msg.GetDeliveries()
			sum.Unmatched += resp.Msg.GetUnmatched()
			if f.asJSON {
				sum.Repeated = append(sum.Repeated, resp.Msg.GetRepeated()...)
			}
			next := resp.Msg.GetNextPageToken()
			switch {
			case next != "":
				next = fmt.Sprintf("%d %s", i, next)
			case i+1 < len(requests):
				next = fmt.Sprintf("%d ", i+1)
			}
			return int(resp.Msg.GetEvents()), next, nil
		},
		tally: func(dryRun bool) (int, string, proto.Message) {
			sum := pick(dryRun, &counted, &repeated)
			sentence := fmt.Sprintf("%s %s with %s", pick(dryRun, "would repeat", "repeated"), count(int(sum.Events), "event"), count(int(sum.Deliveries), "delivery"))
			if n := max(counted.Unmatched, repeated.Unmatched); n > 0 {
				sentence += fmt.Sprintf("; no rule wants %s of those selected", humanize.Comma(int64(n)))
			}
			return int(sum.Events), sentence, sum
		},
		advise: func(ctx context.Context, s streams, total int) {
			if total == 0 {
				f.warnUnknown(ctx, s, c, f.rules...)
			}
		},
		question: func(n int) string {
			return fmt.Sprintf("%s%s with %s: repeat %s?", count(n, "event"), f.String(), count(int(counted.Deliveries), "delivery"), pick(n == 1, "it", "them"))
		},
	}
}

// requestOf splits the token of a page into the index of its request and the router's token. The first page has neither.
func requestOf(token string) (int, string) {
	index, token, _ := strings.Cut(token, " ")
	i, err := strconv.Atoi(index)
	if err != nil {
		return 0, ""
	}
	return i, token
}
