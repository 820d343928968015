package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// services are the parts that run. They are stopped one after the other, last started first, so that each part can rely on
// those started before it until it has returned. Parts of one group are told at once: they finish each other's work.
type services struct {
	log     *slog.Logger
	fail    context.CancelCauseFunc
	running []service
}

type service struct {
	name   string
	group  string // "": none
	cancel context.CancelFunc
	done   <-chan error
}

// start runs a part in a goroutine until stop. A part that returns earlier ends the whole router with its error, which
// must say which part it is.
func (s *services) start(ctx context.Context, name string, run func(context.Context) error) {
	s.startIn(ctx, "", name, run)
}

// startIn is start for a part of a group.
func (s *services) startIn(ctx context.Context, group, name string, run func(context.Context) error) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() {
		err := run(own)
		if own.Err() == nil {
			if err == nil {
				err = fmt.Errorf("%s ended by itself", name)
			}
			s.fail(err)
			err = nil // told once
		}
		done <- err
	}()
	s.running = append(s.running, service{name: name, group: group, cancel: cancel, done: done})
}

// stop ends every part in reverse order, within limit altogether. What is not done by then is left behind: the journal is
// sound at any instant, so nothing is lost.
func (s *services) stop(limit time.Duration) error {
	expired := time.NewTimer(limit)
	defer expired.Stop()
	var errs []error
	for _, part := range slices.Backward(s.running) {
		s.cancel(part)
		select {
		case err := <-part.done:
			if err != nil && !errors.Is(err, context.Canceled) {
				errs = append(errs, fmt.Errorf("stop %s: %w", part.name, err))
			}
			s.log.Debug("part stopped", "part", part.name)
		case <-expired.C:
			return errors.Join(append(errs, fmt.Errorf("stop %s: not done after %s", part.name, limit))...)
		}
	}
	return errors.Join(errs...)
}

// cancel tells a part to stop, and all of its group.
func (s *services) cancel(part service) {
	part.cancel()
	if part.group == "" {
		return
	}
	for _, other := range s.running {
		if other.group == part.group {
			other.cancel()
		}
	}
}
