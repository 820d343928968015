package dispatch

import (
	"context"
	"time"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/pluginhost"
)

// send moves deliveries from the queue to the plugin until ctx ends or the session returns an error.
func (d *Dispatcher) send(ctx context.Context, s Session) error {
	batch := make([]pluginhost.Delivery, 0, maxSendCount)
	for {
		for !d.sendable() {
			select {
			case <-d.sending:
			case <-ctx.Done():
				return nil
			}
		}
		if !d.token(ctx) {
			return nil
		}
		batch = d.nextBatch(batch[:0])
		if len(batch) == 0 {
			continue
		}
		if err := s.Send(batch); err != nil {
			return err
		}
		clear(batch)
	}
}

// sendable reports whether the first delivery of the queue may be sent now.
func (d *Dispatcher) sendable() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.free() > 0 && (d.inFlight.len() == 0 || !d.poison.suspects(d.queue[0].Seq))
}

// token waits until the rate allows one delivery. It returns false when ctx ends first.
func (d *Dispatcher) token(ctx context.Context) bool {
	return d.limiter == nil || d.limiter.Wait(ctx) == nil
}

// free returns how many deliveries of the queue fit into the window. The caller holds mu.
func (d *Dispatcher) free() int {
	if d.exclusive || d.restart {
		return 0
	}
	return min(len(d.queue), d.window-d.inFlight.len())
}

// nextBatch moves what is waiting from the queue into flight, within the window, the rate and the size of a message. A suspect
// makes a batch of its own. The caller has already taken the rate's token for the first delivery.
func (d *Dispatcher) nextBatch(batch []pluginhost.Delivery) []pluginhost.Delivery {
	now := d.o.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	n, size := min(d.free(), d.maxBatch), 0
	sent := 0
	for _, x := range d.queue[:max(n, 0)] {
		suspect := d.poison.suspects(x.Seq)
		if suspect && d.inFlight.len() > 0 {
			break
		}
		size += len(x.Envelope) + len(x.Arguments)
		if sent > 0 && (size > maxSendBytes || d.limiter != nil && !d.limiter.Allow()) {
			break
		}
		d.markSent(x, now)
		batch = append(batch, message(x))
		sent++
		if suspect {
			d.exclusive = true
			break
		}
	}
	rest := copy(d.queue, d.queue[sent:])
	clear(d.queue[rest:])
	d.queue = d.queue[:rest]
	return batch
}

func (d *Dispatcher) markSent(x *journal.Delivery, now time.Time) {
	deadline := d.inFlight.add(x, now)
	if d.nextTimeout.IsZero() || deadline.Before(d.nextTimeout) {
		d.nextTimeout = deadline
		d.watching.set()
	}
}

// message returns a delivery as the plugin receives it. It shares the journal's bytes.
func message(x *journal.Delivery) pluginhost.Delivery {
	return pluginhost.Delivery{
		ID:        x.ID,
		Attempt:   uint32(x.Attempt),
		Timeout:   timeout(x.Policy),
		Envelope:  x.Envelope,
		Arguments: x.Arguments,
		Rule:      x.Rule,
	}
}
