//go:build linux

package benchrooms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// latency measures the time from sending to the last reception, in turn without and with a client that has stopped reading. The
// reported p99 is the median of the p99 of all rounds, because other work on the machine disturbs some of them.
func (b *bench) latency(ctx context.Context) error {
	if b.rounds == 0 {
		return nil
	}
	var without, with rounds
	used, err := watch(b.target())
	if err != nil {
		return err
	}
	for range b.rounds {
		for _, r := range []struct {
			of   *rounds
			deaf bool
		}{{&without, false}, {&with, true}} {
			times, err := b.paced(ctx, r.deaf)
			if err != nil {
				return err
			}
			r.of.add(times)
		}
	}
	share, err := used()
	if err != nil {
		return err
	}
	fmt.Printf("latency:  room of %d, %d messages per second, %d messages: from sending to the last reception %s (goal: p99 under %s, %s)\n",
		b.members, b.rate, len(without.all), &without, goalP99, verdict(without.p99() < goalP99))
	change := 100 * (float64(with.p99())/float64(without.p99()) - 1)
	fmt.Printf("          with a client that does not read: %s, %+.0f %% (goal: under %d, %s); the router closed it with 4408\n",
		&with, change, goalChange, verdict(change < goalChange))
	fmt.Printf("          %s\n", share)
	return nil
}

// rounds collects the times of repeated measurements.
type rounds struct {
	all, p99s []time.Duration
}

func (r *rounds) add(times []time.Duration) {
	r.all, r.p99s = append(r.all, times...), append(r.p99s, testbed.Percentile(times, 99))
}

func (r *rounds) p99() time.Duration { return testbed.Percentile(r.p99s, 50) }

func (r *rounds) String() string {
	return fmt.Sprintf("p50 %s, p99 %s (per round: %s)", testbed.Percentile(r.all, 50), r.p99(), strings.Trim(fmt.Sprint(r.p99s), "[]"))
}

// paced sends messages at the given rate and returns their times.
func (b *bench) paced(ctx context.Context, deaf bool) (times []time.Duration, err error) {
	messages := int(b.duration.Seconds() * float64(b.rate))
	err = b.crowded(ctx, b.target(), ordered, b.members, messages, func(c *crowd, room string) error {
		stopped := func() error { return nil }
		if deaf {
			if stopped, err = b.deaf(ctx, c, room); err != nil {
				return err
			}
		}
		sender, err := c.join(0, room, false)
		if err != nil {
			return err
		}
		text := b.text(room)
		next := time.NewTicker(time.Second / time.Duration(b.rate))
		defer next.Stop()
		var sent []time.Time
		for range messages {
			<-next.C
			sent = append(sent, time.Now())
			if err := sender.send(text); err != nil {
				return err
			}
		}
		if times, err = b.times(ctx, c, sent); err != nil {
			return err
		}
		return stopped()
	})
	return times, err
}

// deaf adds a client that stops reading to the room, and fills its queue until the router cannot write to it any more. The returned
// function sends more until the router closes the connection.
func (b *bench) deaf(ctx context.Context, c *crowd, room string) (cutOff func() error, err error) {
	const queued = 256 << 10
	m, err := c.join(0, room, false)
	if err != nil {
		return nil, err
	}
	other := b.room("other")
	if err := errors.Join(c.deafen(m), m.send(fmt.Appendf(nil, `{"$join":%q}`, other))); err != nil {
		return nil, err
	}
	sender, err := c.join(0, other, false)
	if err != nil {
		return nil, err
	}
	long := fmt.Appendf(nil, `{"room":%q,"data":%q}`, other, strings.Repeat("x", 30_000))
	fill := func(every time.Duration, metric string, want float64, labels ...string) error {
		return testbed.Poll(ctx, every, func() (bool, error) {
			m, err := b.router.Metrics(ctx)
			if err != nil {
				return false, err
			}
			const inFlight = 4 // or the rest would arrive during the measurement
			full, pending := m.Sum(metric, labels...) >= want, m.Sum("pointsman_queue_pending")
			if full || pending > inFlight {
				return full && pending == 0, nil
			}
			return false, sender.send(long)
		})
	}
	m0, err := b.router.Metrics(ctx)
	if err != nil {
		return nil, err
	}
	const disconnects = "pointsman_ws_disconnects_total"
	before := m0.Sum(disconnects, "code", "4408")
	return func() error { return fill(50*time.Millisecond, disconnects, before+1, "code", "4408") }, fill(time.Millisecond, "pointsman_ws_send_queue_bytes", queued)
}
