package dispatch

import (
	"context"
	"fmt"
	"time"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// receive settles what the plugin answers until the session is over, and returns why.
func (d *Dispatcher) receive(ctx context.Context, s Session) error {
	var ended []attempt
	for {
		results, err := s.Recv()
		if err != nil {
			return err
		}
		now := d.o.Now()
		ended = d.land(ended[:0], results, now)
		d.judgeAll(ctx, ended, now)
		d.settle(ended, now)
		clear(ended)
	}
}

// land takes the deliveries of these results out of flight, which frees their slots. A result does not say which attempt it is
// of: one that comes after its time-out, while the next attempt is in flight, settles that one.
func (d *Dispatcher) land(ended []attempt, results []*pluginv1.Result, now time.Time) []attempt {
	ignored := 0
	d.mu.Lock()
	for _, r := range results {
		x, ok := d.flying.take(r.GetId())
		if !ok {
			ignored++
			continue
		}
		d.suspects.acquit(x.delivery.Seq)
		ended = append(ended, attempt{flight: x, answer: r})
	}
	if len(ended) > 0 {
		d.hangs, d.heard = 0, now
	}
	d.cleared()
	d.mu.Unlock()
	if ignored > 0 {
		d.ignore(ignored)
	}
	return ended
}

// cleared tells those who wait for slots. The caller holds mu.
func (d *Dispatcher) cleared() {
	if d.flying.len() == 0 {
		d.alone = false
		d.landed.set()
	}
	d.claiming.set()
	if len(d.queue) > 0 {
		d.sending.set()
	}
}

func (d *Dispatcher) ignore(n int) {
	d.metrics.ignored.Add(float64(n))
	d.strange.Do(func() {
		d.log.Warn("ignored results of deliveries that are not in flight: too late, twice, or never sent", "results", n)
	})
}

// farFuture is when the watcher looks again when nothing is in flight.
const farFuture = time.Hour

// watch ends attempts whose deadline has come, until ctx ends.
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

// expire settles the overdue attempts and returns how long until the next can be.
func (d *Dispatcher) expire() time.Duration {
	now := d.o.Now()
	var ended []attempt
	d.mu.Lock()
	for {
		x, ok := d.flying.overdue(now)
		if !ok {
			break
		}
		d.suspects.acquit(x.delivery.Seq)
		if !x.sent.Before(d.heard) { // older ones wait in a plugin that is slow but alive
			d.hangs++
		}
		ended = append(ended, attempt{flight: x})
	}
	next, ok := d.flying.earliest()
	if !ok {
		next = now.Add(farFuture)
	}
	d.armed = next
	restart := d.hangs >= maxHangs && !d.restart
	d.restart = d.restart || restart
	if len(ended) > 0 {
		d.cleared()
	}
	d.mu.Unlock()

	for i, a := range ended {
		text := fmt.Sprintf("no answer within %s", timeout(a.delivery.Policy))
		ended[i] = d.failed(a.flight, resultTimeout, now, unasked, text)
	}
	d.settle(ended, now)
	if restart {
		d.o.Target.Restart(fmt.Sprintf("%d deliveries in a row had no answer in time", maxHangs))
	}
	return next.Sub(now)
}
