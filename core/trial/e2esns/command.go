// Package e2esns tests the path from SNS to Slack end to end with the shipped router and plugin. A fake topic requests confirmation
// and publishes, first one message and then many within a second, to a fake Slack with a low rate limit. The router is killed while
// it receives and while it delivers. Hostile messages must not make it fetch a certificate from another host. It fails unless all checks pass.
package e2esns

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// options of one run.
type options struct {
	messages       int
	every, timeout time.Duration
	bin            string
}

// Command returns the subcommand.
func Command() *cobra.Command {
	var o options
	cmd := testbed.Command("e2e-sns", "test the path from SNS to Slack, with kills", &o.bin, func(ctx context.Context, dir string) error { return run(ctx, o, dir) })
	flags := cmd.Flags()
	flags.IntVar(&o.messages, "messages", 30, "number of messages published within one second")
	flags.DurationVar(&o.every, "every", time.Second, "interval in which Slack accepts one message")
	flags.DurationVar(&o.timeout, "timeout", 2*time.Minute, "timeout until all messages have arrived")
	return cmd
}

// run runs all steps and prints the verdict.
func run(ctx context.Context, o options, dir string) error {
	fmt.Printf("%d messages in one second, Slack accepts one per %s, files in %s\n", o.messages, o.every, dir)
	s, err := newSite(ctx, o, dir)
	if err != nil {
		return err
	}
	v, err := s.try(ctx)
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	fmt.Println(v)
	return v.complaint()
}

// try runs one step after the other and collects the results.
func (s *site) try(ctx context.Context) (v verdict, err error) {
	for _, step := range []func(context.Context, *verdict) error{s.subscribe, s.first, s.burst, s.hostile, s.killed, s.end} {
		if err := step(ctx, &v); err != nil {
			return v, err
		}
	}
	return v, nil
}
