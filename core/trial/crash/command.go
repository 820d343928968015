// Command crash kills a router under load, again and again, and then asks the journal and the plugin what became of every
// event that was acknowledged. It prints one line a kill and the ledger at the end; it exits 1 when an event is lost.
package crash

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// options of one run.
type options struct {
	kills, clients int
	longest        time.Duration
	seed           uint64
	bin, dir       string
}

func main() {
	var o options
	flag.IntVar(&o.kills, "kills", 20, "how often the router is killed")
	flag.IntVar(&o.clients, "clients", 16, "clients that send at the same time")
	flag.DurationVar(&o.longest, "longest", 1500*time.Millisecond, "longest life of a router, from ready to kill -9")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "seed of the random moments; give it to repeat a run")
	flag.StringVar(&o.bin, "bin", "bin", "folder with pointsman and its plugins, built by make build")
	flag.StringVar(&o.dir, "dir", "", "folder for the run's files (default: a temporary one, removed when nothing was lost)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

// run is the whole story: load and kills, one clean end, the ledger.
func run(ctx context.Context, o options) (err error) {
	dir, remove, err := testbed.WorkDir(o.dir, "pointsman-crash-")
	if err != nil {
		return err
	}
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
		return fmt.Errorf("%d acknowledged events are lost; the files are kept in %s", books.lost, dir)
	}
	return remove()
}
