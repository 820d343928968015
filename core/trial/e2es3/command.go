// Package e2es3 tests the mirror end to end. Writers change the same keys of a real MinIO with every kind of operation, its
// notifications reach the router shuffled and partly twice, and router and plugin can be killed meanwhile. At the end rclone
// compares source and destination. The test fails on any difference, dead letter or pending delivery.
package e2es3

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// options of one run.
type options struct {
	ops, writers, keys, kills int
	hold, timeout             time.Duration
	seed                      uint64
	queue                     bool
	destination, bin          string
}

// Command returns the subcommand.
func Command() *cobra.Command {
	var o options
	cmd := testbed.Command("e2e-s3", "test the S3 mirror with shuffled and duplicate notifications", &o.bin, func(ctx context.Context, dir string) error { return run(ctx, o, dir) })
	flags := cmd.Flags()
	flags.IntVar(&o.ops, "ops", 2000, "number of operations of all writers")
	flags.IntVar(&o.writers, "writers", 8, "concurrent writers")
	flags.IntVar(&o.keys, "keys", 300, "number of keys, shared by all writers")
	flags.IntVar(&o.kills, "kills", 0, "number of kills of the router, and of the plugin")
	flags.DurationVar(&o.hold, "hold", 500*time.Millisecond, "longest delay of a notification")
	flags.DurationVar(&o.timeout, "timeout", 5*time.Minute, "timeout after the load until no delivery is pending")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "random seed; set it to repeat a run")
	flags.BoolVar(&o.queue, "queue", false, "let MinIO queue its notifications on disk and send them every 3 s")
	flags.StringVar(&o.destination, "destination", "minio", "server of the destination: minio or versitygw")
	return cmd
}

// run starts the servers, loads them, waits until nothing is pending and prints the verdict.
func run(ctx context.Context, o options, dir string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fmt.Printf("%d operations, %d writers, %d keys, minio to %s, seed %d, files in %s\n", o.ops, o.writers, o.keys, o.destination, o.seed, dir)
	s, err := newSite(ctx, o, dir)
	if err != nil {
		return err
	}
	v, err := s.try(ctx, o)
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	fmt.Println(v)
	return v.complaint()
}

// try runs the load, waits until the site is quiet, and collects the results.
func (s *site) try(ctx context.Context, o options) (verdict, error) {
	load, endLog, err := s.workload(o)
	if err != nil {
		return verdict{}, err
	}
	begin := time.Now()
	if err := errors.Join(s.underLoad(ctx, o, load), endLog()); err != nil {
		return verdict{}, err
	}
	loaded := time.Since(begin)
	waiting, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	if err := s.settle(waiting); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return verdict{}, fmt.Errorf("wait for deliveries: %w", err) // after a timeout the verdict counts them as pending
	}
	fmt.Printf("load %s, quiet %s later\n", loaded.Round(time.Millisecond), (time.Since(begin) - loaded).Round(time.Millisecond))
	if err := s.router.Stop(); err != nil {
		return verdict{}, err
	}
	return s.judge(ctx, o, load)
}

func (s *site) workload(o options) (*workload, func() error, error) {
	log, err := os.Create(filepath.Join(s.dir, "operations.log"))
	if err != nil {
		return nil, nil, err
	}
	load := &workload{client: s.source.Client(), bucket: bucket, keys: makeKeys(o.keys, o.destination != "versitygw"), seed: o.seed, log: log}
	return load, log.Close, nil
}

// underLoad runs writers and chaos concurrently; the first error of one ends the other.
func (s *site) underLoad(ctx context.Context, o options, load *workload) error {
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return s.chaos(ctx, load, o.kills, o.ops) })
	both.Go(func() error { return load.run(ctx, o.writers, o.ops) })
	return both.Wait()
}
