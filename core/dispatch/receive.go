package dispatch

import (
	"context"
	"fmt"
	"time"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// receive settles the plugin's results until the session is over, and returns why it is.
func (d *Dispatcher) receive(ctx context.Context, s Session) error {
	var ended []attempt
	for {
		results, err := s.Recv()
		if err != nil {
			return err
		}
		now := d.o.Now()
		ended = d.takeAnswered(ended[:0], results, now)
		d.outcomes(ctx, ended, now)
		d.settle(ended, now)
		clear(ended)
	}
}

// takeAnswered removes the deliveries of these results from the in-flight set, which frees their slots. A result does not
// name its attempt: one that arrives after its timeout, while the next attempt is in flight, settles the next attempt.
func (d *Dispatcher) takeAnswered(ended []attempt, results []*pluginv1.Result, now time.Time) []attempt {
	ignored := 0
	d.mu.Lock()
	for _, r := range results {
		x, ok := d.inFlight.take(r.GetId())
		if !ok {
			ignored++
			continue
		}
		d.poison.clear(x.delivery.Seq)
		ended = append(ended, attempt{sentDelivery: x, answer: r})
	}
	if len(ended) > 0 {
		d.timeouts, d.lastResult = 0, now
	}
	d.slotsFreed()
	d.mu.Unlock()
	if ignored > 0 {
		d.ignore(ignored)
	}
	return ended
}

// slotsFreed wakes the steps that wait for slots. The caller holds mu.
func (d *Dispatcher) slotsFreed() {
	if d.inFlight.len() == 0 {
		d.exclusive = false
		d.idle.set()
	}
	d.claiming.set()
	if len(d.queue) > 0 {
		d.sending.set()
	}
}

func (d *Dispatcher) ignore(n int) {
	d.metrics.ignored.Add(float64(n))
	d.ignoredLog.Do(func() {
		d.log.Warn("ignored results of deliveries that are not in flight: too late, twice, or never sent", "results", n)
	})
}

// farFuture is the watcher's next check when nothing is in flight.
const farFuture = time.Hour

// watch ends attempts whose deadline has passed, until ctx ends.
func (d *Dispatcher) watch(ctx context.Context) {
	timer := time.NewTimer(farFuture)
	defer timer.Stop()
	for {
		timer.Reset(d.expire())
		select {
		case <-timer.C:
		case <-d.watching:
		case <-ctx.Done():
			return
		}
	}
}

// expire settles the overdue attempts and returns the time until the next deadline.
func (d *Dispatcher) expire() time.Duration {
	now := d.o.Now()
	var ended []attempt
	d.mu.Lock()
	for {
		x, ok := d.inFlight.overdue(now)
		if !ok {
			break
		}
		d.poison.clear(x.delivery.Seq)
		if !x.sent.Before(d.lastResult) { // if the plugin has answered something since, it is slow but alive
			d.timeouts++
		}
		ended = append(ended, attempt{sentDelivery: x})
	}
	next, ok := d.inFlight.earliest()
	if !ok {
		next = now.Add(farFuture)
	}
	d.nextTimeout = next
	restart := d.timeouts >= maxTimeouts && !d.restart
	d.restart = d.restart || restart
	if len(ended) > 0 {
		d.slotsFreed()
	}
	d.mu.Unlock()
	for i, a := range ended {
		text := fmt.Sprintf("no answer within %s", timeout(a.delivery.Policy))
		ended[i] = d.failed(a.sentDelivery, resultTimeout, now, noRetryAfter, text)
	}
	d.settle(ended, now)
	if restart {
		d.o.Target.Restart(fmt.Sprintf("%d deliveries in a row had no answer in time", maxTimeouts))
	}
	return next.Sub(now)
}
