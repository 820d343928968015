// Package benchs3 benchmarks the S3 mirror against `rclone copy` (Debian's package), from MinIO to versitygw on the same machine:
// one big object, many small ones, and the plugin's peak memory for a huge one. The contenders take turns within each round,
// because other work on the machine disturbs the measurements.
package benchs3

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

const (
	kib = 1 << (10 * (iota + 1))
	mib
	gib
)

// options of one run.
type options struct {
	rounds, concurrency int
	big, objects, small int64
	huge                int64
	bin                 string
}

// Command returns the subcommand.
func Command() *cobra.Command {
	var o options
	cmd := testbed.Command("bench-s3", "benchmark the S3 mirror against rclone", &o.bin, func(ctx context.Context, dir string) error { return run(ctx, o, dir) })
	flags := cmd.Flags()
	flags.IntVar(&o.rounds, "rounds", 3, "rounds of every measurement except the huge object")
	flags.IntVar(&o.concurrency, "concurrency", 8, "concurrent transfers of each contender")
	flags.Int64Var(&o.big, "big", gib, "bytes of the big object")
	flags.Int64Var(&o.objects, "objects", 2000, "number of small objects")
	flags.Int64Var(&o.small, "small", 16*kib, "bytes of each small object")
	flags.Int64Var(&o.huge, "huge", 5*gib, "bytes of the object that must be mirrored within 128 MiB of memory; 0: leave it out")
	return cmd
}

func run(ctx context.Context, o options, dir string) (err error) {
	if _, err := exec.LookPath("rclone"); err != nil {
		return errors.New("rclone is not installed: apt-get install rclone")
	}
	b, err := newBench(ctx, o, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	return b.run(ctx)
}

func (b *bench) run(ctx context.Context) error {
	fmt.Printf("S3: MinIO to versitygw, %d transfers at a time; rclone %s\n", b.concurrency, b.rcloneFlags())
	fmt.Println("mirror: from the first event posted to a running router until the last delivery is done; commands: including their start")
	mirror, rclone, reconcile := contender{"mirror", b.mirror}, contender{"rclone", b.rclone}, contender{"reconcile", b.reconcile}
	one := load{objects: 1, size: b.big, unit: "MB/s", per: float64(b.big) / 1e6}
	if err := b.compare(ctx, "one object", "big", []contender{mirror, rclone}, one); err != nil {
		return err
	}
	many := load{objects: b.objects, size: b.small, unit: "objects/s", per: float64(b.objects)}
	if err := b.compare(ctx, "many objects", "small", []contender{mirror, rclone, reconcile}, many); err != nil {
		return err
	}
	return b.hugeObject(ctx)
}
