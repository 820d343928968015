package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// service is a part of the router that runs in a goroutine of its own from startService to stopServices.
type service struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{} // closed when the part has returned, after err and early are set
	err    error
	early  bool // the part returned without having been stopped
}

// startService runs a part until it is stopped. The end of ctx does not stop it, because parts stop in order.
func startService(ctx context.Context, name string, run func(context.Context) error) *service {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &service{name: name, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.err = run(own)
		s.early = own.Err() == nil
		if s.early && s.err == nil {
			s.err = fmt.Errorf("%s ended by itself", name)
		}
	}()
	return s
}

// watch calls fail with the error of a part that returns without having been stopped. The error must name the part.
func (s *service) watch(fail func(error)) {
	go func() {
		<-s.done
		if s.early {
			fail(s.err)
		}
	}()
}

// stopServices stops parts at the same time, because they may finish each other's work, and waits until all have returned or
// ctx is done. A part that is left behind loses nothing: the journal is consistent at every instant. Nil services are skipped.
func stopServices(ctx context.Context, log *slog.Logger, services ...*service) error {
	for _, s := range services {
		if s != nil {
			s.cancel()
		}
	}
	var errs []error
	for _, s := range services {
		switch {
		case s == nil:
		case !s.wait(ctx):
			errs = append(errs, fmt.Errorf("stop %s: not finished in time", s.name))
		case s.err != nil && !s.early && !errors.Is(s.err, context.Canceled):
			errs = append(errs, fmt.Errorf("stop %s: %w", s.name, s.err))
		default:
			log.Debug("part stopped", "part", s.name)
		}
	}
	return errors.Join(errs...)
}

// wait returns false if the part has not returned when ctx is done.
func (s *service) wait(ctx context.Context) bool {
	select {
	case <-s.done:
		return true
	case <-ctx.Done():
	}
	select { // both may be the case; then the part has returned
	case <-s.done:
		return true
	default:
		return false
	}
}
