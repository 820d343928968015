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

// deliver runs sessions, one after the other, until ctx ends.
func (d *Dispatcher) deliver(ctx context.Context) {
	var retry pause
	for ctx.Err() == nil {
		s, err := d.o.Target.Session(ctx)
		if err != nil {
			if ctx.Err() == nil {
				d.log.WarnContext(ctx, "cannot open a session with the plugin, retrying", "err", err)
				retry.wait(ctx)
			}
			continue
		}
		opened := d.open(s)
		err = d.serve(ctx, s)
		if ctx.Err() != nil {
			return // stopping: Run releases what is left
		}
		if d.lost(err).After(opened) {
			retry.reset()
		} else {
			retry.wait(ctx) // the plugin answered nothing: wait before the next session
		}
	}
}

// open starts a session: from here on, deliveries are claimed and sent.
func (d *Dispatcher) open(s Session) time.Time {
	now := d.o.Now()
	d.mu.Lock()
	d.window = max(1, s.Window())
	if d.o.Concurrency > 0 {
		d.window = min(d.window, d.o.Concurrency)
	}
	d.maxBatch = max(1, min(s.MaxBatch(), maxSendCount))
	d.timeouts, d.restart, d.lastResult = 0, false, now
	d.mu.Unlock()
	d.claiming.set()
	d.sending.set()
	return now
}

// stopSending ends claiming and sending. Queue and in-flight set stay as they are.
func (d *Dispatcher) stopSending() {
	d.mu.Lock()
	d.window = 0
	d.mu.Unlock()
}

// serve sends and receives until the session is lost or, after the end of ctx, until the drain is over. It returns the cause of
// the loss.
func (d *Dispatcher) serve(ctx context.Context, s Session) error {
	sending, stopSending := context.WithCancel(ctx)
	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx))
	received := make(chan error, 1)
	var refused error
	var all sync.WaitGroup
	all.Go(func() {
		if err := d.send(sending, s); err != nil && closeAfterGrace(sending, s) {
			refused = fmt.Errorf("send deliveries: %w", err)
		}
	})
	all.Go(func() { d.watch(watching) })
	all.Go(func() { received <- d.receive(watching, s) })

	err := d.awaitEnd(ctx, received)
	d.stopSending()
	stopSending()
	stopWatching()
	s.Close()
	all.Wait()
	if refused != nil {
		return refused
	}
	return err
}

// closeAfterGrace closes a session that refuses deliveries, unless ctx ends first. It waits a moment, because Recv usually
// returns a better explanation of what happened to the plugin.
func closeAfterGrace(ctx context.Context, s Session) (closed bool) {
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

// awaitEnd waits for the loss of the session, or for the end of ctx and then for the results of what is in flight.
func (d *Dispatcher) awaitEnd(ctx context.Context, received <-chan error) error {
	select {
	case err := <-received:
		return err
	case <-ctx.Done():
	}
	d.stopSending()
	timer := time.NewTimer(d.o.DrainTimeout)
	defer timer.Stop()
	for d.countInFlight() > 0 {
		select {
		case <-d.idle:
		case err := <-received:
			return err
		case <-timer.C:
			return nil
		}
	}
	return nil
}

func (d *Dispatcher) countInFlight() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inFlight.len()
}

// lost settles what was in flight when the session ended by itself, as attempts of unknown outcome. They are due at once,
// because the plugin's supervisor decides when the next session starts. It returns when the plugin last answered.
func (d *Dispatcher) lost(cause error) (lastResult time.Time) {
	now := d.o.Now()
	d.mu.Lock()
	gone := d.inFlight.takeAll()
	d.exclusive = false
	poison := crashed(cause) && !d.restart && d.poison.crashed(gone)
	ended := make([]attempt, 0, len(gone))
	for _, x := range gone {
		a := d.failed(x, resultLost, now, 0, oneLine(cause.Error()))
		if poison {
			a = poisoned(x, cause)
		}
		if a.settlement.Outcome == journal.Dead {
			d.poison.clear(x.delivery.Seq)
		}
		ended = append(ended, a)
	}
	lastResult = d.lastResult
	d.mu.Unlock()
	d.log.Warn("session with the plugin lost", "in_flight", len(gone), "err", cause)
	d.settle(ended, now)
	return lastResult
}

// crashed reports whether a delivery may have crashed the plugin. Errors of other kinds count as a crash, because they do not
// exclude it.
func crashed(cause error) bool {
	lost, ok := errors.AsType[*pluginhost.LostError](cause)
	return !ok || lost.Crashed()
}
