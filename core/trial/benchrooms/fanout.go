//go:build linux

package benchrooms

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// fanout measures the throughput of a full room, in which one client sends as fast as the room receives, beside a bare server that only
// writes.
func (b *bench) fanout(ctx context.Context) error {
	bare, process, err := startBare(ctx)
	if err != nil {
		return err
	}
	base, err := b.saturate(ctx, bare, ordered)
	if err := errors.Join(err, process.Stop()); err != nil {
		return err
	}
	got, err := b.saturate(ctx, b.target(), ordered)
	if err != nil {
		return err
	}
	free, err := b.saturate(ctx, b.target(), unordered)
	if err != nil {
		return err
	}
	fmt.Printf("fan-out:  deliveries per second in a room of %d, %d messages in flight (goal: %d; in order %s, in any order %s)\n", b.members, b.window, goalRate,
		verdict(got.rate >= goalRate), verdict(free.rate >= goalRate))
	for _, r := range []struct {
		name string
		result
	}{{"a bare server", base}, {"in order", got}, {"in any order", free}} {
		fmt.Printf("          %-14s %7.0f, %3.0f %%; CPU per delivery: server %.0f us, clients %.0f us; %s", r.name, r.rate, 100*r.rate/base.rate,
			1e6*r.cores.server/r.rate, 1e6*r.cores.clients/r.rate, r.cores)
		if r.times != nil {
			fmt.Printf("; from sending to the last reception p50 %s, p99 %s", testbed.Percentile(r.times, 50), testbed.Percentile(r.times, 99))
		}
		fmt.Println()
	}
	return nil
}

// Prefixes of room names. In an ordered room each message waits until the previous one is settled, in an unordered room none waits.
const (
	ordered   = "hall"
	unordered = "free"
)

// result is the result of a throughput measurement.
type result struct {
	rate  float64 // deliveries per second
	cores cores
	times []time.Duration // nil for an unordered room: the client cannot know which message arrived
}

// saturate keeps window messages in flight.
func (b *bench) saturate(ctx context.Context, t target, kind string) (r result, err error) {
	const most = 1 << 20
	err = b.crowded(ctx, t, kind, b.members, most, func(c *crowd, room string) error {
		sender, err := c.join(0, room, false)
		if err != nil {
			return err
		}
		used, err := watch(t)
		if err != nil {
			return err
		}
		text, began := b.text(room), time.Now()
		var sent []time.Time
		for time.Since(began) < b.duration && len(sent) < most {
			if int64(len(sent)*b.members)-c.frames.Load() >= int64(b.window*b.members) {
				time.Sleep(100 * time.Microsecond)
				continue
			}
			sent = append(sent, time.Now())
			if err := sender.send(text); err != nil {
				return err
			}
		}
		r = result{rate: float64(c.frames.Load()) / time.Since(began).Seconds()}
		if r.cores, err = used(); err != nil {
			return err
		}
		if kind == unordered {
			return b.allReceived(ctx, c, len(sent))
		}
		r.times, err = b.times(ctx, c, sent)
		return err
	})
	return r, err
}
