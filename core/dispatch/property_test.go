package dispatch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/pluginhost"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// TestNothingIsLost runs random plugins that answer late, twice, never, with nonsense, and die, over a journal that fails now and
// then, with stops in between. memJournal fails the test when a claim is settled twice; here, at the end, each delivery must
// have ended, with one settlement per attempt, in order per key, and with innocent ones done.
func TestNothingIsLost(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { checkRandomRun(t, rand.New(&lockedSource{pcg: rand.NewPCG(seed, 1)})) })
		})
	}
}

// lockedSource is a source that several goroutines use.
type lockedSource struct {
	mu  sync.Mutex
	pcg *rand.PCG
}

func (l *lockedSource) Uint64() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pcg.Uint64()
}

func checkRandomRun(t *testing.T, rng *rand.Rand) {
	window, batch, crashes := 1+rng.IntN(64), 1+rng.IntN(64), rng.IntN(30)
	o := Options{Concurrency: rng.IntN(2 * window), Rand: rng.Float64}
	if rng.IntN(3) == 0 {
		o.Rate = Rate{N: 1 + rng.IntN(1000), Per: time.Second}
	}
	var r *rig
	poison := fmt.Sprint("journal-", 1+rng.IntN(300))
	next := func(int) *fakeSession { return randomSession(t, rng, window, batch, &crashes, poison) }
	const total = 300
	var j *memJournal
	for life := range 4 {
		r = newRig(t, o, next)
		if j == nil {
			j = r.journal
			j.add(total, func(i int, d *journal.Delivery) {
				if i%3 > 0 {
					d.OrderKey = fmt.Sprint("key-", i%11)
				}
				d.Policy = journal.Policy{Timeout: time.Duration(1+rng.IntN(10)) * time.Second, MaxBackoff: 20 * time.Second}
			})
		}
		r.journal, r.d.o.Journal, r.d.settler.journal = j, j, j
		r.run()
		if life == 3 {
			time.Sleep(12 * time.Hour)
		} else {
			time.Sleep(time.Duration(rng.IntN(20_000)) * time.Millisecond)
			j.setFail(errors.New("disk full"))
			time.Sleep(time.Duration(rng.IntN(3000)) * time.Millisecond)
			j.setFail(nil)
		}
		r.stop()
	}
	if n := j.count(0); n != 0 {
		t.Errorf("%d deliveries have not ended", n)
	}
	for seq := 1; seq <= total; seq++ {
		checkHistory(t, j.row(fmt.Sprint("journal-", seq)), j.history(seq), poison)
	}
}

func checkHistory(t *testing.T, d journal.Delivery, history []journal.Settlement, poison string) {
	t.Helper()
	retries := 0
	for i, h := range history {
		if ends := h.Outcome == journal.Done || h.Outcome == journal.Dead; ends != (i == len(history)-1) {
			t.Errorf("%s: %+v", d.ID, history)
		}
		if h.Outcome == journal.Retry {
			retries++
		}
	}
	if d.Attempt != retries+1 {
		t.Errorf("%s: attempt %d after %d retries", d.ID, d.Attempt, retries)
	}
	last := history[len(history)-1]
	wantDead := d.ID == poison || d.Seq%50 == 0
	if wantDead != (last.Outcome == journal.Dead) {
		t.Errorf("%s: %+v", d.ID, last)
	}
}

// randomSession answers most deliveries well, after a while. It rejects every fiftieth and dies of the poison. Crashes without
// a cause happen only with several in flight, so that an innocent is never taken for poison.
func randomSession(t *testing.T, rng *rand.Rand, window, batch int, crashes *int, poison string) *fakeSession {
	s := newFakeSession(t, window, batch, nil)
	s.unchecked = true
	seed := rng.Uint64()
	s.on = func(s *fakeSession, deliveries []pluginhost.Delivery) {
		rng := rand.New(rand.NewPCG(seed, uint64(len(s.sent))))
		if slices.ContainsFunc(deliveries, func(d pluginhost.Delivery) bool { return d.ID == poison }) {
			s.crash(errors.New("panic: poison"))
			return
		}
		if len(deliveries) > 1 && *crashes > 0 && rng.IntN(10) == 0 {
			*crashes--
			s.crash(errors.New("killed"))
			return
		}
		for _, d := range deliveries {
			after := time.Duration(rng.IntN(300)) * time.Millisecond
			if rng.IntN(40) == 0 {
				after = time.Minute // too late
			}
			result := randomResult(rng, d)
			time.AfterFunc(after, func() { s.answer(result...) })
		}
	}
	return s
}

func randomResult(rng *rand.Rand, d pluginhost.Delivery) []*pluginv1.Result {
	seq, err := strconv.Atoi(strings.TrimPrefix(d.ID, "journal-"))
	if err == nil && seq%50 == 0 {
		return []*pluginv1.Result{{Id: d.ID, Outcome: pluginv1.Outcome_OUTCOME_REJECT, Message: "no"}}
	}
	switch rng.IntN(20) {
	case 0:
		return []*pluginv1.Result{done("nobody"), nil, done(d.ID), done(d.ID)}
	case 1:
		return []*pluginv1.Result{again(d.ID, "busy")}
	case 2:
		return []*pluginv1.Result{{Id: d.ID, Outcome: pluginv1.Outcome_OUTCOME_RETRY, RetryAfter: durationpb.New(time.Second)}}
	case 3:
		return nil // never
	default:
		return []*pluginv1.Result{done(d.ID)}
	}
}
