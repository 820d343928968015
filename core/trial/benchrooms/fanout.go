//go:build linux

package benchrooms

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// fanout measures how many messages a full room receives in a second, with one client that sends as fast as the room receives; beside a bare
// server that does nothing but write.
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
	fmt.Printf("fan-out:  deliveries a second in a room of %d, %d messages under way (goal: %d; in order %s, in any order %s)\n", b.members, b.window, goalRate,
		verdict(got.rate >= goalRate), verdict(free.rate >= goalRate))
	for _, r := range []struct {
		name string
		result
	}{{"a bare server", base}, {"in order", got}, {"in any order", free}} {
		fmt.Printf("          %-14s %7.0f, %3.0f %%; computing for each: server %.0f us, clients %.0f us; %s", r.name, r.rate, 100*r.rate/base.rate,
			1e6*r.cores.server/r.rate, 1e6*r.cores.clients/r.rate, r.cores)
		if r.times != nil {
			fmt.Printf("; from sending to the last reception p50 %s, p99 %s", percentile(r.times, 50), percentile(r.times, 99))
		}
		fmt.Println()
	}
	return nil
}

// Names of rooms begin so. In the first kind what is said arrives in its order, so each message waits until the one before it is
// settled; in the other one nothing waits.
const (
	ordered   = "hall"
	unordered = "free"
)

// result is what came of a measurement of the rate: deliveries a second, and how many cores each used.
type result struct {
	rate  float64
	cores cores
	times []time.Duration // nil in any order: the client cannot know which message arrived
}

// saturate keeps so many messages under way.
func (b *bench) saturate(ctx context.Context, t target, kind string) (r result, err error) {
	const most = 1 << 20
	err = b.crowded(ctx, t, kind, b.members, most, func(c *crowd, room string) error {
		speaker, err := c.join(0, room, false)
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
			if err := speaker.say(text); err != nil {
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
