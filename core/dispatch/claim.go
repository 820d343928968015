package dispatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/pointsman/pointsman/core/journal"
)

// claim fills the queue from the journal until ctx ends or the journal is closed.
func (d *Dispatcher) claim(ctx context.Context) error {
	var retry pause
	for ctx.Err() == nil {
		n := d.room()
		if n == 0 {
			select {
			case <-d.claiming:
			case <-ctx.Done():
			}
			continue
		}
		claimed, err := d.o.Journal.Claim(ctx, d.o.Plugin, n)
		d.enqueue(claimed)
		switch {
		case err == nil:
			retry.reset()
		case ctx.Err() != nil: // the stop
		case errors.Is(err, journal.ErrClosed):
			return fmt.Errorf("claim deliveries of plugin %s: %w", d.o.Plugin, err)
		default:
			d.log.ErrorContext(ctx, "cannot claim deliveries, retrying", "err", err)
			retry.wait(ctx)
		}
	}
	return nil
}

// room returns how many more deliveries may be claimed.
func (d *Dispatcher) room() int {
	unsettled := d.settler.len()
	d.mu.Lock()
	defer d.mu.Unlock()
	here := len(d.queue) + d.inFlight.len()
	return max(0, min(d.window-here, maxUnsettled-unsettled-here))
}

// enqueue adds claimed deliveries to the queue and wakes send.
func (d *Dispatcher) enqueue(claimed []journal.Delivery) {
	if len(claimed) == 0 {
		return
	}
	d.mu.Lock()
	for i := range claimed {
		d.queue = append(d.queue, &claimed[i])
	}
	d.mu.Unlock()
	d.sending.set()
}

// release returns settlements that hand back every claimed and unsettled delivery: it was not sent, or its result will not be
// read any more.
func (d *Dispatcher) release() []journal.Settlement {
	d.mu.Lock()
	defer d.mu.Unlock()
	released := make([]journal.Settlement, 0, len(d.queue)+d.inFlight.len())
	for _, x := range d.queue {
		released = append(released, journal.Settlement{Seq: x.Seq, Outcome: journal.Release})
	}
	for _, x := range d.inFlight.takeAll() {
		released = append(released, journal.Settlement{Seq: x.delivery.Seq, Outcome: journal.Release})
	}
	d.queue = nil
	return released
}
