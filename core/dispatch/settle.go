package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/pointsman/pointsman/core/journal"
)

const (
	// settleWorkers overlap: one waits for the disk while the other collects the next batch.
	settleWorkers = 2
	// maxSettle limits the outcomes in one call of Settle.
	maxSettle = 1024
)

// settler records outcomes in the journal. It accepts any number and drops none before its context ends; the dispatcher
// bounds them by claiming nothing while too many are waiting.
type settler struct {
	journal Journal
	log     *slog.Logger
	freed   signal // set when len shrinks
	wake    signal
	closing chan struct{}

	mu      sync.Mutex
	waiting []journal.Settlement
	busy    int // taken by workers, not recorded yet
	lost    int // dropped because ctx ended or the journal was closed
	err     error
}

func newSettler(j Journal, log *slog.Logger, freed signal) *settler {
	return &settler{journal: j, log: log, freed: freed, wake: newSignal(), closing: make(chan struct{})}
}

// len returns how many outcomes are not recorded.
func (s *settler) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting) + s.busy
}

// add queues outcomes and returns at once.
func (s *settler) add(settlements []journal.Settlement) {
	s.mu.Lock()
	s.waiting = append(s.waiting, settlements...)
	s.mu.Unlock()
	s.wake.set()
}

// close makes run return once everything is recorded.
func (s *settler) close() { close(s.closing) }

// run is one worker: it records whatever is waiting, batch after batch, until close, or until ctx ends.
func (s *settler) run(ctx context.Context) {
	var batch []journal.Settlement
	for {
		if batch = s.take(batch[:0]); len(batch) > 0 {
			s.done(len(batch), s.record(ctx, batch))
			clear(batch)
			continue
		}
		select {
		case <-s.wake:
		case <-s.closing:
			if s.empty() {
				return
			}
		}
	}
}

// take moves up to maxSettle outcomes into batch, oldest first.
func (s *settler) take(batch []journal.Settlement) []journal.Settlement {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.waiting), maxSettle)
	batch = append(batch, s.waiting[:n]...)
	rest := copy(s.waiting, s.waiting[n:])
	clear(s.waiting[rest:])
	s.waiting = s.waiting[:rest]
	s.busy += n
	if rest > 0 {
		s.wake.set()
	}
	return batch
}

// record retries until it succeeds, the journal is closed or ctx ends. In particular it waits while the disk is full.
func (s *settler) record(ctx context.Context, batch []journal.Settlement) error {
	var retry pause
	for {
		err := s.journal.Settle(ctx, batch)
		switch {
		case err == nil || ctx.Err() != nil || errors.Is(err, journal.ErrClosed):
			return err
		case onlyNotFound(err): // the others are recorded
			s.log.ErrorContext(ctx, "deliveries are no longer in the journal that they were claimed from", "err", err)
			return nil
		}
		s.log.ErrorContext(ctx, "cannot record outcomes, retrying", "outcomes", len(batch), "err", err)
		retry.wait(ctx)
	}
}

// onlyNotFound reports whether every error joined in err is ErrNotFound.
func onlyNotFound(err error) bool {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return errors.Is(err, journal.ErrNotFound)
	}
	for _, e := range joined.Unwrap() {
		if !onlyNotFound(e) {
			return false
		}
	}
	return true
}

// done ends a batch of n outcomes, recorded or, with an error, dropped.
func (s *settler) done(n int, err error) {
	s.mu.Lock()
	s.busy -= n
	if err != nil {
		s.lost += n
		s.err = err
	}
	s.mu.Unlock()
	s.freed.set()
}

func (s *settler) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting) == 0
}

// unrecorded returns an error if outcomes were dropped.
func (s *settler) unrecorded() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == 0 {
		return nil
	}
	return fmt.Errorf("%d outcomes were not recorded, those deliveries will be sent again: %w", s.lost, s.err)
}
