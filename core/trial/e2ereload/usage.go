package e2ereload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// usage is what the router uses of the machine while no event comes in.
type usage struct {
	goroutines, descriptors, children int
	memory                            int64 // bytes, resident
}

func (u usage) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d child processes, %d MiB resident", u.goroutines, u.descriptors, u.children, u.memory>>20)
}

// Goroutines and descriptors of connections that are being closed come and go. What leaks with a reload leaks hundreds of times.
const (
	maxGoroutines  = 5
	maxDescriptors = 5
)

// flat reports whether u is not more than before but for a small bound.
func (u usage) flat(before usage) bool {
	return u.goroutines <= before.goroutines+maxGoroutines && u.descriptors <= before.descriptors+maxDescriptors && u.children == before.children
}

// usage reads the use in the first state, because other states use other numbers of goroutines, with the load paused and everything
// delivered.
func (s *site) usage(ctx context.Context) (u usage, err error) {
	if err := s.load.stop(); err != nil {
		return u, err
	}
	home := change{name: "back to the first configuration", next: func(state) state { return first }}
	if err := s.reload(ctx, home, false); err != nil {
		return u, err
	}
	s.load.client.CloseIdleConnections() // of the probe
	err = testbed.Poll(ctx, 50*time.Millisecond, func() (bool, error) {
		n, err := s.router.Pending(ctx)
		return n == 0, err
	})
	if err != nil {
		return u, err
	}
	// What the requests left behind ends within moments. The lowest of several readings is without it.
	for range 20 {
		now, err := s.read(ctx)
		if err != nil {
			return u, err
		}
		if u.goroutines == 0 || now.goroutines < u.goroutines {
			u = now
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return u, err
		}
	}
	s.load.start(s.rate, s.clients)
	return u, nil
}

// settledUsage reads the use again until it is flat, or the timeout has passed. It leaves the load stopped.
func (s *site) settledUsage(ctx context.Context, before usage) (usage, error) {
	u, err := s.usage(ctx)
	if err = errors.Join(err, s.load.stop()); err != nil {
		return u, err
	}
	waiting, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err = testbed.Poll(waiting, 100*time.Millisecond, func() (bool, error) {
		u, err = s.read(ctx)
		return u.flat(before), err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // the verdict tells
	}
	return u, err
}

func (s *site) read(ctx context.Context) (u usage, err error) {
	m, err := s.router.Metrics(ctx)
	if err != nil {
		return u, err
	}
	u.goroutines, u.descriptors = int(m.Sum("go_goroutines")), int(m.Sum("process_open_fds"))
	if u.children, err = testbed.Children(s.router.PID()); err != nil {
		return u, err
	}
	u.memory, err = testbed.Memory(s.router.PID())
	return u, err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
