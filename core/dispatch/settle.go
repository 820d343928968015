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
	// settleWorkers commit at the same time: one waits for the disk while the other gathers.
	settleWorkers = 2
	// maxSettle is how many outcomes one Settle carries.
	maxSettle = 1024
)

// settler records outcomes. It never refuses one and never drops one before its context ends; the dispatcher claims nothing
// more while too many are waiting.
type settler struct {
	journal Journal
	log     *slog.Logger
	freed   signal // set when len has shrunk
	wake    signal
	closing chan struct{}

	mu      sync.Mutex
	waiting []journal.Settlement
	busy    int // taken by workers, not recorded yet
	lost    int // given up
	err     error
}

func newSettler(j Journal, log *slog.Logger, freed signal) *settler {
	return &settler{journal: j, log: log, freed: freed, wake: newSignal(), closing: make(chan struct{})}
}

// len is how many outcomes are not recorded.
func (s *settler) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting) + s.busy
}

// add passes outcomes on and returns at once.
func (s *settler) add(settlements []journal.Settlement) {
	s.mu.Lock()
	s.waiting = append(s.waiting, settlements...)
	s.mu.Unlock()
	s.wake.set()
}

// close makes run return when everything is recorded.
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

// record tries until it works, the journal is closed or ctx ends. A full disk is a reason to wait, not to forget.
func (s *settler) record(ctx context.Context, batch []journal.Settlement) error {
	var again pause
	for {
		err := s.journal.Settle(ctx, batch)
		switch {
		case err == nil || ctx.Err() != nil || errors.Is(err, journal.ErrClosed):
			return err
		case onlyNotFound(err): // the others are recorded
			s.log.ErrorContext(ctx, "the journal does not know of deliveries that were claimed from it", "err", err)
			return nil
		}
		s.log.ErrorContext(ctx, "recording outcomes does not work, trying again", "outcomes", len(batch), "err", err)
		again.wait(ctx)
	}
}

// onlyNotFound reports whether err tells of nothing but settlements that were left out.
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

// unrecorded is the error about outcomes that were given up, if there are any.
func (s *settler) unrecorded() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == 0 {
		return nil
	}
	return fmt.Errorf("%d outcomes were not recorded, those deliveries will be sent again: %w", s.lost, s.err)
}
