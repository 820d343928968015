package dispatch

import (
	"context"
	"time"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/pluginhost"
)

// send moves deliveries from the queue to the plugin until ctx ends or the session refuses.
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
		batch = d.takeOff(batch[:0])
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
	return d.free() > 0 && (d.flying.len() == 0 || !d.suspects.has(d.queue[0].Seq))
}

// token waits until the rate allows one delivery; false: ctx ended.
func (d *Dispatcher) token(ctx context.Context) bool {
	return d.limiter == nil || d.limiter.Wait(ctx) == nil
}

// free is how many deliveries of the queue the window takes.
func (d *Dispatcher) free() int {
	if d.alone || d.restart {
		return 0
	}
	return min(len(d.queue), d.window-d.flying.len())
}

// takeOff moves the next batch from the queue into flight: what is waiting, within the window, the rate (whose token for the first
// delivery is already taken) and the size of a message; a suspect alone.
func (d *Dispatcher) takeOff(batch []pluginhost.Delivery) []pluginhost.Delivery {
	now := d.o.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	n, size := min(d.free(), d.maxBatch), 0
	sent := 0
	for _, x := range d.queue[:max(n, 0)] {
		suspect := d.suspects.has(x.Seq)
		if suspect && d.flying.len() > 0 {
			break
		}
		size += len(x.Envelope) + len(x.Arguments)
		if sent > 0 && (size > maxSendBytes || d.limiter != nil && !d.limiter.Allow()) {
			break
		}
		d.fly(x, now)
		batch = append(batch, message(x))
		sent++
		if suspect {
			d.alone = true
			break
		}
	}
	rest := copy(d.queue, d.queue[sent:])
	clear(d.queue[rest:])
	d.queue = d.queue[:rest]
	return batch
}

func (d *Dispatcher) fly(x *journal.Delivery, now time.Time) {
	deadline := d.flying.add(x, now)
	if d.armed.IsZero() || deadline.Before(d.armed) {
		d.armed = deadline
		d.watching.set()
	}
}

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
