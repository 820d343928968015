// Command bench-s3 measures the S3 mirror beside `rclone copy` (Debian's package), between the same two servers on the same
// machine: MinIO to versitygw. One big object, many small ones, and the plugin's peak memory for a huge one. The rounds of what
// is compared take turns, because such a machine is noisy.
package benchs3

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"

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
	bin, dir            string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 3, "how often everything but the huge object is measured")
	flag.IntVar(&o.concurrency, "concurrency", 8, "transfers at a time, of both")
	flag.Int64Var(&o.big, "big", gib, "bytes of the big object")
	flag.Int64Var(&o.objects, "objects", 2000, "number of small objects")
	flag.Int64Var(&o.small, "small", 16*kib, "bytes of each of them")
	flag.Int64Var(&o.huge, "huge", 5*gib, "bytes of the object whose mirroring must not take more than 128 MiB of memory; 0: none")
	flag.StringVar(&o.bin, "bin", "bin", "folder with pointsman and its plugins, built by make build")
	flag.StringVar(&o.dir, "dir", "", "folder for the servers' data (default: a temporary one)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-s3:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if _, err := exec.LookPath("rclone"); err != nil {
		return errors.New("rclone is not installed: apt-get install rclone")
	}
	dir, remove, err := testbed.WorkDir(o.dir, "pointsman-bench-s3-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	b, err := newBench(ctx, o, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	return b.run(ctx)
}

func (b *bench) run(ctx context.Context) error {
	fmt.Printf("S3: MinIO to versitygw, %d transfers at a time; rclone %s\n", b.concurrency, b.rcloneFlags())
	fmt.Println("the mirror's time is from the first event posted to a running router to the last delivery done, that of commands includes their start")
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
