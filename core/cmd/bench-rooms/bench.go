//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/cmd/internal/trial"
)

// What is aimed at.
const (
	goalMemory = 20 // KiB a connection, at most
	goalRate   = 150_000
	goalP99    = 100 * time.Millisecond
	goalChange = 20 // per cent
)

// bench is a router, and what is measured of it.
type bench struct {
	options
	router *trial.Router
	rooms  int
}

// target is a server whose rooms are measured.
type target struct {
	address string
	pids    func() ([]int, error) // of all its processes
	quiet   func(context.Context) error
}

func (b *bench) target() target {
	return target{
		address: b.router.Server,
		pids: func() ([]int, error) {
			plugin, err := b.router.Plugin("room-broadcast")
			return []int{b.router.PID(), plugin}, err
		},
		quiet: func(ctx context.Context) error { // what goes on after one measurement would be in the next
			return trial.Poll(ctx, 20*time.Millisecond, func() (bool, error) {
				m, err := b.router.Metrics(ctx)
				return m.Sum("pointsman_ws_connections") == 0 && m.Sum("pointsman_queue_pending") == 0, err
			})
		},
	}
}

// verdict says whether a goal was reached.
func verdict(reached bool) string {
	if reached {
		return "reached"
	}
	return "MISSED"
}

// room is a name that was not used before.
func (b *bench) room(kind string) string {
	b.rooms++
	return fmt.Sprintf("%s-%d", kind, b.rooms)
}

// idlers measures what connections cost that do nothing.
func (b *bench) idlers(ctx context.Context) error {
	const warm, settle = 200, 5 * time.Second
	if err := b.crowded(ctx, b.target(), ordered, warm, 0, func(*crowd, string) error { return nil }); err != nil {
		return err // the first connections cost what all others share
	}
	before, err := trial.Memory(b.router.PID())
	if err != nil {
		return err
	}
	began := time.Now()
	return b.crowded(ctx, b.target(), ordered, b.idle, 0, func(c *crowd, _ string) error {
		took := time.Since(began)
		if err := pause(ctx, settle); err != nil {
			return err
		}
		after, err := trial.Memory(b.router.PID())
		if err != nil {
			return err
		}
		m, err := b.router.Metrics(ctx)
		if err != nil {
			return err
		}
		there := m.Sum("pointsman_ws_connections")
		each := float64(after-before) / there / 1024
		fmt.Printf("idle:     %.0f connections in %.1f s; resident memory %d -> %d MiB: %.1f KiB a connection (goal: at most %d, %s); open still: %d\n",
			there, took.Seconds(), before>>20, after>>20, each, goalMemory, verdict(each <= goalMemory), b.idle-c.ended())
		if int(there) < b.idle {
			return fmt.Errorf("%.0f of %d connections are left", there, b.idle)
		}
		return nil
	})
}

// fanout measures how many messages a full room hears in a second, with one who speaks as fast as the room hears; beside a bare
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
			fmt.Printf("; from saying to the last hearing p50 %s, p99 %s", percentile(r.times, 50), percentile(r.times, 99))
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
	times []time.Duration // nil in any order: which message was heard is not known then
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
			return b.allHeard(ctx, c, len(sent))
		}
		r.times, err = b.times(ctx, c, sent)
		return err
	})
	return r, err
}

// latency measures the time from saying to the last hearing, without and with one who has stopped to read, in turn. The p99 is the
// median of the rounds': such a machine stumbles now and then.
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
	fmt.Printf("latency:  room of %d, %d messages a second, %d messages: from saying to the last hearing %s (goal: p99 under %s, %s)\n",
		b.members, b.rate, len(without.all), &without, goalP99, verdict(without.p99() < goalP99))
	change := 100 * (float64(with.p99())/float64(without.p99()) - 1)
	fmt.Printf("          with one who does not read: %s, %+.0f %% (goal: under %d, %s); it was cut off with 4408 at last\n",
		&with, change, goalChange, verdict(change < goalChange))
	fmt.Printf("          %s\n", share)
	return nil
}

// rounds are the times of several measurements of the same.
type rounds struct {
	all, p99s []time.Duration
}

func (r *rounds) add(times []time.Duration) {
	r.all, r.p99s = append(r.all, times...), append(r.p99s, percentile(times, 99))
}

func (r *rounds) p99() time.Duration { return percentile(r.p99s, 50) }

func (r *rounds) String() string {
	return fmt.Sprintf("p50 %s, p99 %s (of the rounds: %s)", percentile(r.all, 50), r.p99(), strings.Trim(fmt.Sprint(r.p99s), "[]"))
}

// paced says so many messages a second and returns their times.
func (b *bench) paced(ctx context.Context, deaf bool) (times []time.Duration, err error) {
	messages := int(b.duration.Seconds() * float64(b.rate))
	err = b.crowded(ctx, b.target(), ordered, b.members, messages, func(c *crowd, room string) error {
		stopped := func() error { return nil }
		if deaf {
			if stopped, err = b.deaf(ctx, c, room); err != nil {
				return err
			}
		}
		speaker, err := c.join(0, room, false)
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
			if err := speaker.say(text); err != nil {
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

// deaf adds one to the room who stops reading, and lets so much wait for it that the router cannot write to it any more. The
// function says more until it is cut off.
func (b *bench) deaf(ctx context.Context, c *crowd, room string) (cutOff func() error, err error) {
	const waiting = 256 << 10
	m, err := c.join(0, room, false)
	if err != nil {
		return nil, err
	}
	other := b.room("other")
	if err := errors.Join(c.deafen(m), m.say(fmt.Appendf(nil, `{"$join":%q}`, other))); err != nil {
		return nil, err
	}
	talker, err := c.join(0, other, false)
	if err != nil {
		return nil, err
	}
	long := fmt.Appendf(nil, `{"room":%q,"data":%q}`, other, strings.Repeat("x", 30_000))
	fill := func(metric string, want float64, labels ...string) error {
		return trial.Poll(ctx, time.Millisecond, func() (bool, error) {
			m, err := b.router.Metrics(ctx)
			if err != nil {
				return false, err
			}
			const underway = 4 // or their rest would be heard in the measurement
			full, owed := m.Sum(metric, labels...) >= want, m.Sum("pointsman_queue_pending")
			if full || owed > underway {
				return full && owed == 0, nil
			}
			return false, talker.say(long)
		})
	}
	m0, err := b.router.Metrics(ctx)
	if err != nil {
		return nil, err
	}
	const disconnects = "pointsman_ws_disconnects_total"
	before := m0.Sum(disconnects, "code", "4408")
	return func() error { return fill(disconnects, before+1, "code", "4408") }, fill("pointsman_ws_send_queue_bytes", waiting)
}

// crowded does something with a room full of clients.
func (b *bench) crowded(ctx context.Context, t target, kind string, n, messages int, do func(c *crowd, room string) error) error {
	room := b.room(kind)
	c, err := newCrowd(t.address, messages)
	if err != nil {
		return err
	}
	err = c.connect(ctx, n, room)
	if err == nil {
		err = do(c, room)
	}
	if err := errors.Join(err, c.close()); err != nil {
		return err
	}
	return t.quiet(ctx)
}

// text is what is said.
func (b *bench) text(room string) []byte {
	return fmt.Appendf(nil, `{"room":%q,"data":%q}`, room, strings.Repeat("x", b.size))
}

// allHeard waits until all have heard everything.
func (b *bench) allHeard(ctx context.Context, c *crowd, messages int) error {
	patience, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	want := int64(messages * b.members)
	err := trial.Poll(patience, 10*time.Millisecond, func() (bool, error) { return c.frames.Load() >= want, nil })
	if err != nil {
		return fmt.Errorf("%d of %d messages were heard, %d connections are gone: %w", c.frames.Load(), want, c.ended(), err)
	}
	return nil
}

// times waits until all have heard everything, and returns how long it took for each message until the last had.
func (b *bench) times(ctx context.Context, c *crowd, sent []time.Time) ([]time.Duration, error) {
	if err := b.allHeard(ctx, c, len(sent)); err != nil {
		return nil, err
	}
	times := make([]time.Duration, len(sent))
	for i, at := range sent {
		if c.heard[i].count != b.members {
			return nil, fmt.Errorf("message %d was heard by %d of %d", i, c.heard[i].count, b.members)
		}
		times[i] = c.heard[i].last.Sub(at)
	}
	return times, nil
}

func percentile(times []time.Duration, p int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)].Round(10 * time.Microsecond)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
