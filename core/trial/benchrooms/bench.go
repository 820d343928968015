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

// The goals.
const (
	goalMemory = 20 // KiB per connection
	goalRate   = 150_000
	goalP99    = 100 * time.Millisecond
	goalChange = 20 // per cent
)

// bench holds the router under measurement.
type bench struct {
	options
	router *testbed.Router
	rooms  int
}

// target is a server under measurement.
type target struct {
	address string
	pids    func() ([]int, error)       // of all its processes
	quiet   func(context.Context) error // waits until the server is idle
}

func (b *bench) target() target {
	return target{
		address: b.router.Server,
		pids: func() ([]int, error) {
			plugin, err := b.router.Plugin("room-broadcast")
			return []int{b.router.PID(), plugin}, err
		},
		quiet: func(ctx context.Context) error { // so that one measurement does not affect the next
			return testbed.Poll(ctx, 20*time.Millisecond, func() (bool, error) {
				m, err := b.router.Metrics(ctx)
				return m.Sum("pointsman_ws_connections") == 0 && m.Sum("pointsman_queue_pending") == 0, err
			})
		},
	}
}

// verdict states whether the goal was reached.
func verdict(reached bool) string {
	if reached {
		return "reached"
	}
	return "MISSED"
}

// room returns an unused name.
func (b *bench) room(kind string) string {
	b.rooms++
	return fmt.Sprintf("%s-%d", kind, b.rooms)
}

// idlers measures the memory of idle connections.
func (b *bench) idlers(ctx context.Context) error {
	const warm, settle = 200, 5 * time.Second
	if err := b.crowded(ctx, b.target(), ordered, warm, 0, func(*crowd, string) error { return nil }); err != nil {
		return err // warm up: the first connections allocate memory that all share
	}
	before, err := testbed.Memory(b.router.PID())
	if err != nil {
		return err
	}
	began := time.Now()
	return b.crowded(ctx, b.target(), ordered, b.idle, 0, func(c *crowd, _ string) error {
		took := time.Since(began)
		if err := pause(ctx, settle); err != nil {
			return err
		}
		after, err := testbed.Memory(b.router.PID())
		if err != nil {
			return err
		}
		m, err := b.router.Metrics(ctx)
		if err != nil {
			return err
		}
		there := m.Sum("pointsman_ws_connections")
		each := float64(after-before) / there / 1024
		fmt.Printf("idle:     %.0f connections in %.1f s; resident memory %d -> %d MiB: %.1f KiB per connection (goal: at most %d, %s); still open: %d\n",
			there, took.Seconds(), before>>20, after>>20, each, goalMemory, verdict(each <= goalMemory), b.idle-c.ended())
		if int(there) < b.idle {
			return fmt.Errorf("only %.0f of %d connections are left", there, b.idle)
		}
		return nil
	})
}

// crowded calls do with a room of n clients, and disconnects them afterwards.
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

// text is a message to the room.
func (b *bench) text(room string) []byte {
	return fmt.Appendf(nil, `{"room":%q,"data":%q}`, room, strings.Repeat("x", b.size))
}

// allReceived waits until every client has received every message.
func (b *bench) allReceived(ctx context.Context, c *crowd, messages int) error {
	waiting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	want := int64(messages * b.members)
	err := testbed.Poll(waiting, 10*time.Millisecond, func() (bool, error) { return c.frames.Load() >= want, nil })
	if err != nil {
		return fmt.Errorf("%d of %d messages arrived, %d connections were closed: %w", c.frames.Load(), want, c.ended(), err)
	}
	return nil
}

// times waits until every client has received every message, and returns for each message the time until the last client received it.
func (b *bench) times(ctx context.Context, c *crowd, sent []time.Time) ([]time.Duration, error) {
	if err := b.allReceived(ctx, c, len(sent)); err != nil {
		return nil, err
	}
	times := make([]time.Duration, len(sent))
	for i, at := range sent {
		if c.received[i].count != b.members {
			return nil, fmt.Errorf("message %d reached %d of %d clients", i, c.received[i].count, b.members)
		}
		times[i] = c.received[i].last.Sub(at)
	}
	return times, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
