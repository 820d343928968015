package dispatch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/pluginhost"
)

// deliver runs one session after the other until ctx ends.
func (d *Dispatcher) deliver(ctx context.Context) {
	var again pause
	for ctx.Err() == nil {
		s, err := d.o.Target.Session(ctx)
		if err != nil {
			if ctx.Err() == nil {
				d.log.WarnContext(ctx, "no session with the plugin, trying again", "err", err)
				again.wait(ctx)
			}
			continue
		}
		opened := d.open(s)
		err = d.serve(ctx, s)
		if ctx.Err() != nil {
			return // a stop, not a crash: Run releases what is left
		}
		if d.lost(err).After(opened) {
			again.reset()
		} else {
			again.wait(ctx) // it never answered anything: no hurry to try the next
		}
	}
}

// open begins a session: from here on deliveries are claimed and sent.
func (d *Dispatcher) open(s Session) time.Time {
	now := d.o.Now()
	d.mu.Lock()
	d.window = max(1, s.Window())
	if d.o.Concurrency > 0 {
		d.window = min(d.window, d.o.Concurrency)
	}
	d.maxBatch = max(1, min(s.MaxBatch(), maxSendCount))
	d.hangs, d.restart, d.heard = 0, false, now
	d.mu.Unlock()
	d.claiming.set()
	d.sending.set()
	return now
}

// shut ends claiming and sending. What is queued and in flight stays.
func (d *Dispatcher) shut() {
	d.mu.Lock()
	d.window = 0
	d.mu.Unlock()
}

// serve sends and receives until the session is lost, whose cause it returns, or until ctx ended and the drain is over.
func (d *Dispatcher) serve(ctx context.Context, s Session) error {
	sending, stopSending := context.WithCancel(ctx)
	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx))
	received := make(chan error, 1)
	var refused error
	var all sync.WaitGroup
	all.Go(func() {
		if err := d.send(sending, s); err != nil && closeSoon(sending, s) {
			refused = fmt.Errorf("send deliveries: %w", err)
		}
	})
	all.Go(func() { d.watch(watching) })
	all.Go(func() { received <- d.receive(watching, s) })

	err := d.untilOver(ctx, received)
	d.shut()
	stopSending()
	stopWatching()
	s.Close()
	all.Wait()
	if refused != nil {
		return refused
	}
	return err
}

// closeSoon ends a session that does not take deliveries any more, unless ctx ends first: Recv knows better what happened to
// the plugin, so it gets a moment to say it.
func closeSoon(ctx context.Context, s Session) (closed bool) {
	timer := time.NewTimer(5 * time.Second)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		s.Close()
		return true
	}
}

// untilOver waits for the loss of the session, or for the end of ctx and then for what is in flight.
func (d *Dispatcher) untilOver(ctx context.Context, received <-chan error) error {
	select {
	case err := <-received:
		return err
	case <-ctx.Done():
	}
	d.shut()
	timer := time.NewTimer(d.o.DrainTimeout)
	defer timer.Stop()
	for d.inFlight() > 0 {
		select {
		case <-d.landed:
		case err := <-received:
			return err
		case <-timer.C:
			return nil
		}
	}
	return nil
}

func (d *Dispatcher) inFlight() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.flying.len()
}

// lost settles what was in flight when the session ended by itself, as attempts of unknown outcome. They are due at once: the
// plugin's supervisor decides when there is a next session. It returns when the plugin was last heard.
func (d *Dispatcher) lost(cause error) (heard time.Time) {
	now := d.o.Now()
	d.mu.Lock()
	gone := d.flying.takeAll()
	d.alone = false
	poison := crash(cause) && !d.restart && d.suspects.crashed(gone)
	ended := make([]attempt, 0, len(gone))
	for _, x := range gone {
		a := d.failed(x, resultLost, now, 0, oneLine(cause.Error()))
		if poison {
			a = poisoned(x, cause)
		}
		if a.settlement.Outcome == journal.Dead {
			d.suspects.acquit(x.delivery.Seq)
		}
		ended = append(ended, a)
	}
	heard = d.heard
	d.mu.Unlock()
	d.log.Warn("session with the plugin lost", "in_flight", len(gone), "err", cause)
	d.settle(ended, now)
	return heard
}

// crash reports whether the plugin may have died of a delivery, and not because it was told to end.
func crash(cause error) bool {
	var lost *pluginhost.LostError
	return !errors.As(cause, &lost) || lost.Reason != "requested" && lost.Reason != "stop"
}
