// Package redrive sends many dead letters again while events come in at a fixed rate, and compares how long the router takes to
// accept an event before and during that.
package redrive

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
	dead        int
	rate, retry float64
	window      time.Duration
	maxChange   float64
	bin         string
}

// goalChange is how much the 99th percentile may change, in per cent.
const goalChange = 20

// Command returns the subcommand.
func Command() *cobra.Command {
	var o options
	cmd := testbed.Command("redrive", "send dead letters again under load and compare the times in which events are accepted", &o.bin, func(ctx context.Context, dir string) error { return run(ctx, o, dir) })
	flags := cmd.Flags()
	flags.IntVar(&o.dead, "dead", 50_000, "number of dead letters")
	flags.Float64Var(&o.rate, "rate", 1000, "events per second that come in meanwhile")
	flags.Float64Var(&o.retry, "retry-rate", 2000, "dead letters per second that are sent again")
	flags.DurationVar(&o.window, "window", 20*time.Second, "time of the measurement before and of that after")
	flags.Float64Var(&o.maxChange, "max-change", 0, "fail if the 99th percentile rises by more than this, in per cent (default: only print it)")
	return cmd
}

// run makes the dead letters, mends their cause, and measures.
func run(ctx context.Context, o options, dir string) error {
	s, err := newSite(ctx, o, dir)
	if err != nil {
		return err
	}
	v, err := s.try(ctx)
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	fmt.Println(v)
	return v.complaint(o)
}

// try runs one step after the other.
func (s *site) try(ctx context.Context) (v verdict, err error) {
	if err := s.makeDead(ctx); err != nil {
		return v, err
	}
	fmt.Printf("%d dead letters\n", s.dead)
	if err := s.mend(ctx); err != nil {
		return v, err
	}
	s.load.start(s.rate)
	if err := sleep(ctx, s.window/4); err != nil { // until connections and plugin are warm
		return v, err
	}
	if v.before, err = s.measure(func() error { return sleep(ctx, s.window) }); err != nil {
		return v, err
	}
	if v.during, err = s.measure(func() error { return s.redrive(ctx) }); err != nil {
		return v, err
	}
	if v.after, err = s.measure(func() error { return sleep(ctx, s.window) }); err != nil {
		return v, err
	}
	if err := s.load.stop(); err != nil {
		return v, err
	}
	v.failed, v.left, v.done, err = s.rest(ctx)
	v.want = s.dead + s.load.accepted()
	return v, err
}

// measure returns how long the requests took that were due while f ran.
func (s *site) measure(f func() error) (window, error) {
	began := time.Now()
	err := f()
	w := window{took: time.Since(began)}
	w.times = s.load.between(began, began.Add(w.took))
	for second := began; second.Before(began.Add(w.took)); second = second.Add(time.Second) {
		w.p99s = append(w.p99s, testbed.Percentile(s.load.between(second, second.Add(time.Second)), 99))
	}
	return w, err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
