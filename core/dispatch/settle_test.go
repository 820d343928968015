package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// A slot is free as soon as the result is there, not only when it is on disk.
func TestSettlingDoesNotHoldSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSession(t, 1, 1, allDone)
		r := newRig(t, Options{}, func(int) *fakeSession { return s })
		r.journal.slow = time.Second
		r.journal.add(100, nil)
		r.run()
		time.Sleep(10 * time.Millisecond)
		if n := len(s.ids()); n != 100 {
			t.Errorf("%d sent before the first commit, want 100", n)
		}
		r.stop()
	})
}

func TestSettleFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, one(t, 512, 64, allDone))
		full := errors.New("disk full")
		r.journal.setFail(full)
		r.journal.add(10_000, nil)
		r.run()
		time.Sleep(time.Minute)
		if n := r.journal.claims(); n > maxUnsettled+512 { // and what one window may be on its way
			t.Errorf("%d claimed, at most %d allowed", n, maxUnsettled)
		}
		if n := r.journal.settles; n > 100 {
			t.Errorf("%d calls of Settle in a minute: too busy", n)
		}
		if !strings.Contains(r.logs.String(), "disk full") {
			t.Error("not logged")
		}
		r.journal.setFail(nil)
		time.Sleep(time.Minute)
		if n := r.journal.count(journal.Done); n != 10_000 {
			t.Errorf("%d done, want all", n)
		}
		r.stop()
	})
}

func TestSettleFailsUntilTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, one(t, 5, 5, allDone))
		full := errors.New("disk full")
		r.journal.setFail(full)
		r.journal.add(5, nil)
		r.run()
		time.Sleep(time.Second)
		start := time.Now()
		r.cancel()
		err := <-r.ended
		if !errors.Is(err, full) || !strings.Contains(err.Error(), "5 outcomes were not recorded") {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(start); took > settleGrace+maxPause {
			t.Errorf("stop took %s", took)
		}
	})
}

// What the journal does not know is no reason to hold up the rest.
func TestSettleUnknownDelivery(t *testing.T) {
	var log logBuffer
	calls := 0
	s := newSettler(settleFunc(func([]journal.Settlement) error {
		calls++
		return errors.Join(fmt.Errorf("settle delivery 1: %w", journal.ErrNotFound))
	}), slog.New(slog.NewTextHandler(&log, nil)), newSignal())
	s.add([]journal.Settlement{{Seq: 1}, {Seq: 2}})
	s.close()
	s.run(t.Context())
	if err := s.unrecorded(); err != nil || calls != 1 || s.len() != 0 {
		t.Errorf("%d calls, %d left, %v", calls, s.len(), err)
	}
	if !strings.Contains(log.String(), "settle delivery 1") {
		t.Errorf("log: %s", log.String())
	}
}

type settleFunc func([]journal.Settlement) error

func (f settleFunc) Settle(_ context.Context, results []journal.Settlement) error { return f(results) }

func (f settleFunc) Claim(context.Context, string, int) ([]journal.Delivery, error) {
	return nil, errors.New("not used")
}

func TestOnlyNotFound(t *testing.T) {
	missing := fmt.Errorf("settle delivery 3: %w", journal.ErrNotFound)
	full := errors.New("disk full")
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"one", missing, true},
		{"two", errors.Join(missing, missing), true},
		{"nested", errors.Join(errors.Join(missing, missing), nil), true},
		{"wrapped", fmt.Errorf("journal: %w", errors.Join(missing, missing)), true},
		{"another", full, false},
		{"another among them", errors.Join(errors.Join(missing), full), false},
		{"another, wrapped", fmt.Errorf("journal: %w", errors.Join(missing, full)), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := onlyNotFound(tt.err); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
