// Package e2ereload reloads a router many times under load. It draws at random what changes: the rules, the binary and the block of
// a plugin, a source, nothing, or something invalid that the router must refuse. Then it compares every delivery in the journal with
// the configuration that was in force, and the router's resources with those of its first minutes.
package e2ereload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// options of one run.
type options struct {
	reloads, warmup, clients int
	rate                     float64
	seed                     uint64
	timeout                  time.Duration
	bin                      string
}

// Command returns the subcommand.
func Command() *cobra.Command {
	var o options
	cmd := testbed.Command("e2e-reload", "reload the router under load and look for lost, doubled and wrong deliveries", &o.bin, func(ctx context.Context, dir string) error { return run(ctx, o, dir) })
	flags := cmd.Flags()
	flags.IntVar(&o.reloads, "reloads", 1000, "number of reloads")
	flags.IntVar(&o.warmup, "warmup", 20, "reloads before the use of resources is first measured")
	flags.IntVar(&o.clients, "clients", 16, "clients of each of the two sources")
	flags.Float64Var(&o.rate, "rate", 500, "events per second, half of them from each source")
	flags.DurationVar(&o.timeout, "timeout", time.Minute, "timeout until deliveries and resources have settled")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "random seed; set it to repeat a run")
	return cmd
}

// run reloads the router under load, and prints the verdict.
func run(ctx context.Context, o options, dir string) error {
	fmt.Printf("seed %d, files in %s\n", o.seed, dir)
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

// try carries out the reloads and collects the results.
func (s *site) try(ctx context.Context) (v verdict, err error) {
	random := rand.New(rand.NewPCG(s.seed, 1))
	if err := s.reloads(ctx, random, s.warmup); err != nil {
		return v, err
	}
	if v.before, err = s.usage(ctx); err != nil {
		return v, err
	}
	if err := s.reloads(ctx, random, s.options.reloads-s.warmup); err != nil {
		return v, err
	}
	if v.after, err = s.settledUsage(ctx, v.before); err != nil {
		return v, err
	}
	if v.closed, err = s.load.disconnect(ctx, s.router); err != nil {
		return v, err
	}
	v.results, v.load = s.results, s.load.counts
	steady, err := s.router.Plugin("steady")
	if err != nil {
		return v, fmt.Errorf("plugin steady: %w", err)
	}
	v.replaced = steady != s.steady
	if err := s.settle(ctx); err != nil {
		return v, err
	}
	v.books, err = s.audit(ctx)
	return v, err
}
