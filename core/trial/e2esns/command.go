// Command e2e-sns tries the way from SNS to Slack as a whole, with the router and the plugin as they are shipped: a topic of its own
// asks to be confirmed and publishes, first one message and then many in one second, to a Slack that takes few; the router is
// killed while messages come and while they leave; and whoever wants it to fetch a certificate from elsewhere must not get it to. It exits 1 unless every
// promise was kept.
package e2esns

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// options of one run.
type options struct {
	messages        int
	every, patience time.Duration
	bin, dir        string
}

func main() {
	var o options
	flag.IntVar(&o.messages, "messages", 30, "how many messages are published in one second")
	flag.DurationVar(&o.every, "every", time.Second, "time in which Slack takes one message")
	flag.DurationVar(&o.patience, "patience", 2*time.Minute, "how long to wait until all messages are there")
	flag.StringVar(&o.bin, "bin", "bin", "folder with pointsman and its plugins, built by make build")
	flag.StringVar(&o.dir, "dir", "", "folder for the run's files (default: a temporary one, removed when all is well)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "e2e-sns:", err)
		os.Exit(1)
	}
}

// run is the whole story. The files stay when something is wrong.
func run(ctx context.Context, o options) error {
	dir, remove, err := testbed.WorkDir(o.dir, "pointsman-e2e-sns-")
	if err != nil {
		return err
	}
	fmt.Printf("%d messages in one second, Slack takes one in %s, files in %s\n", o.messages, o.every, dir)
	s, err := newSite(ctx, o, dir)
	if err != nil {
		return err
	}
	v, err := s.try(ctx)
	if err := errors.Join(err, s.close()); err != nil {
		return fmt.Errorf("%w; the files are in %s", err, dir)
	}
	fmt.Println(v)
	if err := v.complaint(); err != nil {
		return fmt.Errorf("%w; the files are kept in %s", err, dir)
	}
	return remove()
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
