// Package e2esns tries the way from SNS to Slack as a whole, with the router and the plugin as they are shipped: a topic of its own
// asks to be confirmed and publishes, first one message and then many in one second, to a Slack that takes few; the router is
// killed while messages come and while they leave; and hostile messages must not make it fetch a certificate from elsewhere. It exits 1 unless every
// promise was kept.
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
	messages        int
	every, patience time.Duration
	bin, dir        string
}

// Command returns the subcommand.
func Command() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "e2e-sns",
		Short: "try the way from SNS to Slack, with kills",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runInDir(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	testbed.BinFlag(flags, &o.bin)
	testbed.DirFlag(flags, &o.dir)
	flags.IntVar(&o.messages, "messages", 30, "how many messages are published in one second")
	flags.DurationVar(&o.every, "every", time.Second, "time in which Slack takes one message")
	flags.DurationVar(&o.patience, "patience", 2*time.Minute, "how long to wait until all messages are there")
	return cmd
}

func runInDir(ctx context.Context, o options) error {
	return testbed.InDir(o.dir, "e2e-sns", func(dir string) error { return run(ctx, o, dir) })
}

// run does all steps and prints the verdict.
func run(ctx context.Context, o options, dir string) error {
	fmt.Printf("%d messages in one second, Slack takes one in %s, files in %s\n", o.messages, o.every, dir)
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

// try does one thing after the other and notes what came of it.
func (s *site) try(ctx context.Context) (v verdict, err error) {
	for _, step := range []func(context.Context, *verdict) error{s.subscribe, s.first, s.burst, s.hostile, s.killed, s.end} {
		if err := step(ctx, &v); err != nil {
			return v, err
		}
	}
	return v, nil
}
