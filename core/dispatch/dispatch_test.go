package dispatch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/pluginhost"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

func TestDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first pluginhost.Delivery
		r := newRig(t, Options{}, one(t, 8, 4, func(s *fakeSession, batch []pluginhost.Delivery) {
			if first.ID == "" {
				first = batch[0]
			}
			allDone(s, batch)
		}))
		r.journal.add(100, func(_ int, d *journal.Delivery) { d.Policy.Timeout = 7 * time.Second })
		r.run()
		synctest.Wait()
		want := pluginhost.Delivery{
			ID: "journal-1", Attempt: 1, Timeout: 7 * time.Second, Envelope: []byte("\x0a\x04test"), Arguments: []byte("{}"), Rule: "r",
		}
		if diff := cmp.Diff(want, first); diff != "" {
			t.Errorf("first delivery: -want +got:\n%s", diff)
		}
		if n := r.journal.count(journal.Done); n != 100 {
			t.Errorf("%d done, want 100", n)
		}
		if diff := cmp.Diff([]journal.Settlement{{Seq: 7, Outcome: journal.Done, Receipt: "receipt of journal-7"}}, r.journal.history(7)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if n := r.attempts(resultDone); n != 100 {
			t.Errorf("metric says %d done, want 100", n)
		}
		r.stop()
	})
}

// Order per key holds over retries: a failing delivery keeps those behind it waiting.
func TestOrderOverRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		finished := map[string][]int64{}
		r := newRig(t, Options{}, nil)
		r.target.next = one(t, 16, 8, func(s *fakeSession, batch []pluginhost.Delivery) {
			for _, d := range batch {
				if rng.IntN(3) == 0 {
					s.answer(again(d.ID, "not yet"))
					continue
				}
				row := r.journal.row(d.ID)
				finished[row.OrderKey] = append(finished[row.OrderKey], row.Seq)
				s.answer(done(d.ID))
			}
		})
		r.journal.add(200, func(i int, d *journal.Delivery) { d.OrderKey = fmt.Sprint("key-", i%7) })
		r.run()
		time.Sleep(time.Hour)
		if n := r.journal.count(journal.Done); n != 200 {
			t.Errorf("%d done, want 200", n)
		}
		for key, seqs := range finished {
			if !slices.IsSorted(seqs) {
				t.Errorf("%s: %v", key, seqs)
			}
		}
		r.stop()
	})
}

func TestExhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, one(t, 5, 5, func(s *fakeSession, batch []pluginhost.Delivery) {
			for _, d := range batch {
				s.answer(again(d.ID, fmt.Sprint("failure ", d.Attempt)))
			}
		}))
		r.journal.add(2, func(i int, d *journal.Delivery) {
			if i == 0 {
				d.Policy.MaxAttempts = 3
			} else {
				d.Policy.MaxAge = time.Minute
			}
		})
		r.run()
		time.Sleep(time.Hour)
		h := r.journal.history(1)
		if last := h[len(h)-1]; len(h) != 3 || last.Reason != journal.ReasonExhausted || last.Error != "failure 3" {
			t.Errorf("by attempts: %+v", h)
		}
		h = r.journal.history(2)
		if last := h[len(h)-1]; last.Reason != journal.ReasonExpired || len(h) < 5 {
			t.Errorf("by age: %+v", h)
		}
		if n := testutil.ToFloat64(r.d.metrics.exhausted); n != 2 {
			t.Errorf("metric: %v exhausted, want 2", n)
		}
		r.stop()
	})
}

func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, one(t, 5, 5, func(s *fakeSession, batch []pluginhost.Delivery) {
			for _, d := range batch {
				time.Sleep(time.Second)
				switch d.ID {
				case "journal-1":
					s.answer(done(d.ID))
				case "journal-2":
					s.answer(again(d.ID, "busy\nreally"))
				default:
					s.answer(&pluginv1.Result{Id: d.ID, Outcome: pluginv1.Outcome_OUTCOME_REJECT, Message: "gone"})
				}
			}
		}))
		r.journal.add(3, nil)
		r.run()
		time.Sleep(3200 * time.Millisecond)
		r.stop()
		var got []string
		for line := range strings.Lines(r.logs.String()) {
			if _, rest, ok := strings.Cut(line, " level="); ok && strings.Contains(line, "attempt ended") {
				got = append(got, strings.TrimSpace(rest))
			}
		}
		want := []string{
			`DEBUG msg="attempt ended" plugin=p event_id=event-1 source=lab rule=r delivery_id=journal-1 attempt=1 outcome=done result=done duration=1s`,
			`WARN msg="attempt ended" plugin=p event_id=event-2 source=lab rule=r delivery_id=journal-2 attempt=1 outcome=retry result=retry duration=2s err="busy really"`,
			`ERROR msg="attempt ended" plugin=p event_id=event-3 source=lab rule=r delivery_id=journal-3 attempt=1 outcome=dead result=rejected duration=3s err=gone`,
		}
		if diff := cmp.Diff(want, got[:min(3, len(got))]); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}
