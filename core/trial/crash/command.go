// Package crash kills a router under load repeatedly, and then looks for every acknowledged event in the journal and in the
// plugin's record. It prints one line for each kill and a summary, and fails if an event is lost.
package crash

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
	kills, clients int
	longest        time.Duration
	seed           uint64
	bin            string
}

// Command returns the subcommand.
func Command() *cobra.Command {
	var o options
	cmd := testbed.Command("crash", "kill the router under load and look for lost events", &o.bin, func(ctx context.Context, dir string) error { return run(ctx, o, dir) })
	flags := cmd.Flags()
	flags.IntVar(&o.kills, "kills", 20, "number of times to kill the router")
	flags.IntVar(&o.clients, "clients", 16, "concurrent clients")
	flags.DurationVar(&o.longest, "longest", 1500*time.Millisecond, "longest time from ready to kill -9")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "random seed; set it to repeat a run")
	return cmd
}

// run kills the router under load, lets it finish the pending deliveries, and prints the summary.
func run(ctx context.Context, o options, dir string) (err error) {
	fmt.Printf("seed %d, files in %s\n", o.seed, dir)
	site, err := newSite(o.bin, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, site.Close()) }()
	load := newLoad(site.Server+"/hooks/intdash", site.secret)
	loading, endLoad := context.WithCancel(ctx)
	defer endLoad()
	finished := load.start(loading, o.clients)

	random := rand.New(rand.NewPCG(o.seed, 1))
	for i := range o.kills {
		life := time.Duration(random.Int64N(int64(o.longest)))
		if err := site.liveAndDie(ctx, life); err != nil {
			return fmt.Errorf("kill %d: %w", i+1, err)
		}
		fmt.Printf("kill %2d after %7s: %7d acked so far\n", i+1, life.Round(time.Millisecond), load.acked())
	}
	if err := site.settle(ctx, endLoad, finished); err != nil {
		return err
	}
	books, err := site.audit(ctx, load)
	if err != nil {
		return err
	}
	fmt.Println(books)
	if books.lost > 0 {
		return fmt.Errorf("%d acknowledged events are lost", books.lost)
	}
	return nil
}
