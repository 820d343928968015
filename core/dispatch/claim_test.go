package dispatch

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

func TestClosedJournalEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, one(t, 5, 5, nil))
		r.run()
		synctest.Wait()
		r.journal.close()
		if err := <-r.ended; !errors.Is(err, journal.ErrClosed) {
			t.Errorf("Run: %v", err)
		}
		r.cancel()
	})
}

func TestClaimFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, one(t, 5, 5, allDone))
		var calls atomic.Int32
		r.d.o.Journal = claimFunc{r.journal, func(ctx context.Context, plugin string, n int) ([]journal.Delivery, error) {
			if calls.Add(1) < 10 {
				return nil, errors.New("input/output error")
			}
			return r.journal.Claim(ctx, plugin, n)
		}}
		r.journal.add(1, nil)
		r.run()
		time.Sleep(10 * time.Second)
		if n := calls.Load(); n >= 9 {
			t.Errorf("%d calls of Claim in 10 s: too busy", n)
		}
		time.Sleep(time.Minute)
		if n := r.journal.count(journal.Done); n != 1 {
			t.Errorf("%d done, want 1", n)
		}
		r.stop()
	})
}

type claimFunc struct {
	Journal
	claim func(context.Context, string, int) ([]journal.Delivery, error)
}

func (c claimFunc) Claim(ctx context.Context, plugin string, n int) ([]journal.Delivery, error) {
	return c.claim(ctx, plugin, n)
}

func TestClaimsWhatTheWindowTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSession(t, 5, 2, nil)
		r := newRig(t, Options{DrainTimeout: time.Second}, func(int) *fakeSession { return s })
		r.target.start = time.Hour
		r.journal.add(100, nil)
		r.run()
		synctest.Wait()
		if n := r.journal.claims(); n != 5 {
			t.Errorf("%d claimed, want 5", n)
		}
		s.answer(done("journal-1"))
		synctest.Wait()
		if n := r.journal.claims(); n != 5 {
			t.Errorf("%d claimed after an answer, want 5", n)
		}
		s.crash(errors.New("gone")) // and not back for an hour
		time.Sleep(time.Minute)
		if n := r.journal.claims(); n != 0 {
			t.Errorf("%d claimed without a session, want none", n)
		}
		r.stop()
	})
}
