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
)

func TestResultsInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSession(t, 50, 50, nil)
		r := newRig(t, Options{}, func(int) *fakeSession { return s })
		r.journal.add(50, nil)
		r.run()
		synctest.Wait()
		ids := s.ids()
		rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		for _, id := range ids {
			s.answer(done(id))
		}
		synctest.Wait()
		for seq := 1; seq <= 50; seq++ {
			want := []journal.Settlement{{Seq: int64(seq), Outcome: journal.Done, Receipt: fmt.Sprint("receipt of journal-", seq)}}
			if diff := cmp.Diff(want, r.journal.history(seq)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		}
		r.stop()
	})
}

func TestStrangeResultsAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSession(t, 2, 2, nil)
		r := newRig(t, Options{}, func(int) *fakeSession { return s })
		r.journal.add(1, nil)
		r.run()
		synctest.Wait()
		s.answer(done("journal-1"), done("journal-1"), done("who?"), nil, done(""))
		synctest.Wait()
		if n := r.journal.count(journal.Done); n != 1 || len(r.journal.history(1)) != 1 {
			t.Errorf("%d done, history %v", n, r.journal.history(1))
		}
		if n := testutil.ToFloat64(r.d.metrics.ignored); n != 4 {
			t.Errorf("%v results ignored, want 4", n)
		}
		if n := strings.Count(r.logs.String(), "ignored results"); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
		r.stop()
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSession(t, 2, 2, nil)
		r := newRig(t, Options{}, func(int) *fakeSession { return s })
		r.journal.add(2, func(i int, d *journal.Delivery) { d.Policy.Timeout = time.Duration(20+20*i) * time.Second })
		start := time.Now()
		r.run()
		time.Sleep(21*time.Second - time.Millisecond)
		if len(r.journal.history(1)) != 0 {
			t.Fatal("settled before the deadline")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		want := []journal.Settlement{{
			Seq: 1, Outcome: journal.Retry, At: start.Add(21*time.Second + 500*time.Millisecond), Error: "no answer within 20s",
		}}
		if diff := cmp.Diff(want, r.journal.history(1)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		// Its slot is free: a third delivery goes out, and the late answer changes nothing.
		s.answer(done("journal-1"))
		r.journal.add(1, nil)
		synctest.Wait()
		if diff := cmp.Diff([]string{"journal-1", "journal-2", "journal-3"}, s.ids()); diff != "" {
			t.Errorf("sent: -want +got:\n%s", diff)
		}
		if n := len(r.journal.history(1)); n != 1 {
			t.Errorf("%d settlements, want 1", n)
		}
		if n := testutil.ToFloat64(r.d.metrics.ignored); n != 1 {
			t.Errorf("%v late results, want 1", n)
		}
		s.answer(done("journal-2"), done("journal-3"))
		time.Sleep(time.Second)
		s.answer(done("journal-1"))
		synctest.Wait()
		if n := r.journal.count(journal.Done); n != 3 {
			t.Errorf("%d done, want 3", n)
		}
		if len(r.target.restarts) != 0 {
			t.Error("restarted after one hang")
		}
		r.stop()
	})
}

// The result of a plugin that keeps its deadline arrives just after it, and counts.
func TestAnswerAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, one(t, 10, 10, func(s *fakeSession, batch []pluginhost.Delivery) {
			for _, d := range batch {
				time.AfterFunc(d.Timeout+10*time.Millisecond, func() { s.answer(again(d.ID, "smtp: deadline exceeded")) })
			}
		}))
		r.journal.add(5, func(i int, d *journal.Delivery) {
			d.Policy = journal.Policy{Timeout: time.Duration(1+i*i*i*i) * 200 * time.Millisecond, MaxAttempts: 1}
		})
		r.run()
		time.Sleep(5 * time.Minute)
		for seq := 1; seq <= 5; seq++ {
			if h := r.journal.history(seq); len(h) != 1 || h[0].Error != "smtp: deadline exceeded" {
				t.Errorf("delivery %d: %+v", seq, h)
			}
		}
		if n := len(r.target.restarts); n != 0 {
			t.Errorf("%d restarts", n)
		}
		r.stop()
	})
}

func TestThreeTimeoutsRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, func(n int) *fakeSession {
			if n == 0 {
				return newFakeSession(t, 5, 5, nil)
			}
			return newFakeSession(t, 5, 5, allDone)
		})
		// Three hang; two have longer timeouts and are lost with the process, without being blamed for it.
		r.journal.add(5, func(i int, d *journal.Delivery) { d.Policy.Timeout = time.Duration(30+30*(i/3)) * time.Second })
		r.run()
		time.Sleep(32 * time.Second)
		synctest.Wait()
		if n := len(r.target.restarts); n != 1 {
			t.Fatalf("%d restarts, want 1", n)
		}
		if got := <-r.target.restarts; got != "3 deliveries in a row had no answer in time" {
			t.Errorf("reason %q", got)
		}
		if n := r.journal.count(journal.Done); n != 5 {
			t.Errorf("%d done, want 5", n)
		}
		if h := r.journal.history(4); h[0].Error != "killed by the router" || len(h) != 2 {
			t.Errorf("history of a bystander: %+v", h)
		}
		if len(r.d.poison) != 0 {
			t.Errorf("suspects %v", r.d.poison)
		}
		r.stop()
	})
}

// An answer ends a run of timeouts.
func TestTimeoutsInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		r := newRig(t, Options{}, one(t, 1, 1, func(s *fakeSession, batch []pluginhost.Delivery) {
			if sent++; sent%3 == 0 {
				allDone(s, batch)
			}
			s.unchecked = true
		}))
		r.journal.add(20, nil)
		r.run()
		time.Sleep(time.Hour)
		if n := r.journal.count(journal.Done); n != 20 {
			t.Errorf("%d done, want 20", n)
		}
		if n := len(r.target.restarts); n != 0 {
			t.Errorf("%d restarts, want none", n)
		}
		r.stop()
	})
}

// A plugin that is being restarted gets no more deliveries, and is restarted once.
func TestRestartTakesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := newFakeSession(t, 100, 100, nil)
		first.unchecked = true
		r := newRig(t, Options{}, func(n int) *fakeSession {
			if n == 0 {
				return first
			}
			return newFakeSession(t, 100, 100, allDone)
		})
		r.target.end = time.Minute
		r.journal.add(8, func(i int, d *journal.Delivery) { d.Policy.Timeout = time.Duration(10+i) * time.Second })
		r.run()
		time.Sleep(20 * time.Second)
		r.journal.add(3, nil)
		time.Sleep(20 * time.Second)
		if n := len(r.target.restarts); n != 1 {
			t.Errorf("%d restarts, want 1", n)
		}
		ids := first.ids()
		if slices.Contains(ids, "journal-9") {
			t.Errorf("sent after the restart: %v", ids)
		}
		time.Sleep(time.Minute)
		if n := r.journal.count(journal.Done); n != 11 {
			t.Errorf("%d done, want 11", n)
		}
		r.stop()
	})
}

// A plugin that works on one delivery at a time lets the rest of its window time out, but it is alive.
func TestSlowIsNotHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, func(int) *fakeSession {
			todo := make(chan string, 10_000)
			s := newFakeSession(t, 1000, 64, func(_ *fakeSession, batch []pluginhost.Delivery) {
				for _, d := range batch {
					todo <- d.ID
				}
			})
			go func() {
				for {
					select {
					case id := <-todo:
						time.Sleep(time.Second)
						s.answer(done(id))
					case <-s.closed:
						return
					}
				}
			}()
			s.unchecked = true
			return s
		})
		r.journal.add(100, nil)
		r.run()
		time.Sleep(time.Hour)
		if n := r.journal.count(journal.Done); n != 100 {
			t.Errorf("%d done, want 100", n)
		}
		if n := len(r.target.restarts); n != 0 {
			t.Errorf("%d restarts, want none", n)
		}
		r.stop()
	})
}
