package journaltest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// load: many append, settle in every way and ask at the same time; in the end each delivery is done once, and in order of
// its key.
func load(b *bench) {
	const appenders = 8
	events := b.many
	plugins := []string{"ops", "mail", "web"}
	b.start()
	ctx, cancel := context.WithCancel(b.Context())
	ledgers := make(map[string]*ledger)
	var consumers, producers sync.WaitGroup
	for _, p := range plugins {
		l := &ledger{done: make(map[string]bool), last: make(map[string]int), want: events, full: make(chan struct{})}
		ledgers[p] = l
		consumers.Go(func() { b.consume(ctx, p, l) })
	}
	for a := range appenders {
		producers.Go(func() {
			for i := a; i < events; i += appenders {
				e := entry(fmt.Sprint("e", i))
				for _, p := range plugins {
					// Keys of one appender only: its events arrive in their order.
					e.Deliveries = append(e.Deliveries, delivery(p, []string{"", fmt.Sprint("k", a)}[i/appenders%2]))
				}
				if _, err := b.j.Append(ctx, journal.Disk, []journal.Entry{e}); err != nil {
					b.Error(err)
				}
				if _, err := b.j.Stats(ctx); err != nil {
					b.Error(err)
				}
			}
		})
	}
	producers.Wait()
	for _, l := range ledgers {
		<-l.full
	}
	cancel()
	consumers.Wait()
	st := b.stats()
	for _, p := range plugins {
		b.equal("pending of "+p, st.Plugins[p].Pending, int64(0))
		b.equal("done for "+p, len(ledgers[p].done), events)
	}
}

// ledger is what one consumer has seen.
type ledger struct {
	done map[string]bool
	last map[string]int // per order key, the last event
	want int
	full chan struct{}
}

// consume claims and settles deliveries in random ways until ctx ends.
func (b *bench) consume(ctx context.Context, plugin string, l *ledger) {
	r := rand.New(rand.NewPCG(1, uint64(len(plugin))))
	for {
		ds, err := b.j.Claim(ctx, plugin, 1+r.IntN(50))
		if errors.Is(err, context.Canceled) {
			return
		}
		if err != nil {
			b.Error(err)
			return
		}
		var results []journal.Settlement
		for _, d := range ds {
			switch n := r.IntN(10); n {
			case 0:
				results = append(results, retryIn(d, time.Duration(r.IntN(3))*time.Second))
			case 1:
				results = append(results, release(d))
			default:
				results = append(results, done(d))
				l.note(b, d)
			}
		}
		if err := b.j.Settle(context.Background(), results); err != nil {
			b.Error(err)
			return
		}
	}
}

func (l *ledger) note(b *bench, d journal.Delivery) {
	if l.done[d.EventID] {
		b.Errorf("%s was claimed after it was done", d.EventID)
	}
	l.done[d.EventID] = true
	if d.OrderKey != "" {
		var n int
		if _, err := fmt.Sscanf(d.EventID, "e%d", &n); err != nil || n < l.last[d.OrderKey] {
			b.Errorf("key %s: event %d came after %d", d.OrderKey, n, l.last[d.OrderKey])
		}
		l.last[d.OrderKey] = n
	}
	if len(l.done) == l.want {
		close(l.full)
	}
}
