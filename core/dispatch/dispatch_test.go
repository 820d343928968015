package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
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
			ID: "journal-1", Attempt: 1, Timeout: 7 * time.Second, Envelope: []byte("envelope"), Arguments: []byte("{}"), Rule: "r",
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

func TestWindow(t *testing.T) {
	tests := []struct {
		name                              string
		window, batch, concurrency, total int
		want                              int // in flight at most, and reached
	}{
		{"the session's", 10, 64, 0, 100, 10},
		{"concurrency below it", 10, 64, 3, 100, 3},
		{"concurrency above it", 10, 64, 30, 100, 10},
		{"one", 1, 1, 0, 20, 1},
		{"a session that says nothing sensible", 0, 0, 0, 20, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFakeSession(t, max(1, tt.window), max(1, tt.batch), func(s *fakeSession, batch []pluginhost.Delivery) {
					go func() {
						time.Sleep(time.Duration(1+rand.IntN(50)) * time.Millisecond) // fake time
						allDone(s, batch)
					}()
				})
				r := newRig(t, Options{Concurrency: tt.concurrency}, func(int) *fakeSession { return s })
				r.target.wrap = func(s *fakeSession) Session { return sized{s, tt.window, tt.batch} }
				r.journal.add(tt.total, nil)
				r.run()
				time.Sleep(time.Minute)
				if n := r.journal.count(journal.Done); n != tt.total {
					t.Errorf("%d done, want %d", n, tt.total)
				}
				if s.highest != tt.want {
					t.Errorf("%d in flight at most, want %d", s.highest, tt.want)
				}
				r.stop()
			})
		})
	}
}

// sized is a session that announces other limits than the fake one checks.
type sized struct {
	*fakeSession
	window, batch int
}

func (s sized) Window() int   { return s.window }
func (s sized) MaxBatch() int { return s.batch }

func TestBatches(t *testing.T) {
	tests := []struct {
		name     string
		batch    int
		envelope int // bytes
		want     []int
	}{
		{"by count", 1000, 10, []int{64, 64, 22}},
		{"by the session's limit", 50, 10, []int{50, 50, 50}},
		{"by bytes", 1000, 100 << 10, slices.Repeat([]int{2}, 75)},
		{"one larger than a message goes alone", 1000, 1 << 20, slices.Repeat([]int{1}, 150)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFakeSession(t, 150, tt.batch, nil)
				r := newRig(t, Options{}, func(int) *fakeSession { return s })
				r.journal.add(150, func(_ int, d *journal.Delivery) { d.Envelope = make([]byte, tt.envelope) })
				r.run()
				synctest.Wait()
				if diff := cmp.Diff(tt.want, s.batches); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				r.d.o.DrainTimeout = time.Second
				r.stop()
			})
		})
	}
}

func TestRate(t *testing.T) {
	tests := []struct {
		name  string
		rate  Rate
		total int
		want  time.Duration // until all are done, give or take 2 %
	}{
		{"1/s", Rate{1, time.Second}, 11, 10 * time.Second},
		{"30/m", Rate{30, time.Minute}, 31, time.Minute},
		{"5000/s", Rate{5000, time.Second}, 5_000, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, last, sent := time.Now(), time.Time{}, 0
				r := newRig(t, Options{Rate: tt.rate}, one(t, 100, 64, func(s *fakeSession, batch []pluginhost.Delivery) {
					sent += len(batch)
					last = time.Now()
					if burst := max(1, tt.rate.N/100); float64(sent-burst) > float64(tt.rate.N)*last.Sub(start).Seconds()/tt.rate.Per.Seconds()+1 {
						t.Errorf("%d sent after %s", sent, last.Sub(start))
					}
					allDone(s, batch)
				}))
				r.journal.add(tt.total, nil)
				r.run()
				time.Sleep(2 * tt.want)
				if n := r.journal.count(journal.Done); n != tt.total {
					t.Errorf("%d done, want %d", n, tt.total)
				}
				if took := last.Sub(start); took < tt.want*98/100 || took > tt.want*102/100 {
					t.Errorf("took %s, want about %s", took, tt.want)
				}
				r.stop()
			})
		})
	}
}

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
		time.Sleep(21*time.Second - 1)
		if len(r.journal.history(1)) != 0 {
			t.Fatal("settled before the deadline")
		}
		time.Sleep(2)
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

func TestThreeHangsRestart(t *testing.T) {
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
		if len(r.d.suspects) != 0 {
			t.Errorf("suspects %v", r.d.suspects)
		}
		r.stop()
	})
}

// A plugin that keeps to the deadline it was told answers just after it, and is heard.
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

func TestLostSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first *fakeSession
		r := newRig(t, Options{}, func(n int) *fakeSession {
			if n == 0 {
				first = newFakeSession(t, 10, 10, nil)
				return first
			}
			return newFakeSession(t, 10, 10, allDone)
		})
		r.journal.add(10, nil)
		start := time.Now()
		r.run()
		synctest.Wait()
		first.answer(done("journal-3"))
		time.Sleep(time.Second)
		first.crash(errors.New("plugin exited: signal: killed\npanic: boom"))
		synctest.Wait()
		want := []journal.Settlement{
			{Seq: 1, Outcome: journal.Retry, At: start.Add(time.Second + 100*time.Millisecond), Error: "plugin exited: signal: killed panic: boom"},
			{Seq: 1, Outcome: journal.Done, Receipt: "receipt of journal-1"},
		}
		time.Sleep(200 * time.Millisecond) // no waiting for a schedule
		synctest.Wait()
		if diff := cmp.Diff(want, r.journal.history(1)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if n := r.journal.count(journal.Done); n != 10 {
			t.Errorf("%d done, want 10", n)
		}
		if n := r.attempts(resultLost); n != 9 {
			t.Errorf("%d lost attempts, want 9", n)
		}
		r.stop()
	})
}

// One delivery in a hundred kills the plugin whenever it is sent.
func TestPoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, one(t, 20, 8, func(s *fakeSession, batch []pluginhost.Delivery) {
			for _, d := range batch {
				if d.ID == "journal-42" {
					s.crash(errors.New("plugin exited with code 2: panic: 42"))
					return
				}
			}
			allDone(s, batch)
		}))
		r.journal.add(100, nil)
		r.run()
		time.Sleep(time.Minute)
		if n := r.journal.count(journal.Done); n != 99 {
			t.Errorf("%d done, want 99", n)
		}
		h := r.journal.history(42)
		want := journal.Settlement{
			Seq: 42, Outcome: journal.Dead, Reason: journal.ReasonPoison,
			Error: "the plugin crashed 2 times with only this delivery in flight: plugin exited with code 2: panic: 42",
		}
		if diff := cmp.Diff(want, h[len(h)-1]); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if len(h) > 3 || r.target.sessions() > 4 {
			t.Errorf("it took %d attempts and %d sessions", len(h), r.target.sessions())
		}
		if len(r.d.suspects) != 0 {
			t.Errorf("suspects left: %v", r.d.suspects)
		}
		r.stop()
	})
}

// While suspects are tried alone, the plugin never has another delivery in flight.
func TestSuspectsAreSentAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		suspect := map[string]bool{}
		r := newRig(t, Options{}, func(n int) *fakeSession {
			s := newFakeSession(t, 10, 10, nil)
			s.on = func(s *fakeSession, batch []pluginhost.Delivery) {
				for _, d := range batch {
					if n == 0 {
						suspect[d.ID] = true
					} else if suspect[d.ID] && len(s.pending) != 1 {
						t.Errorf("suspect %s was sent with %d in flight", d.ID, len(s.pending))
					} else {
						delete(suspect, d.ID)
					}
				}
				if n > 0 {
					go func() {
						time.Sleep(time.Second)
						allDone(s, batch)
					}()
				}
			}
			return s
		})
		r.journal.add(30, nil)
		r.run()
		synctest.Wait()
		r.target.current.crash(errors.New("crash"))
		time.Sleep(time.Minute)
		if n := r.journal.count(journal.Done); n != 30 || len(suspect) != 0 {
			t.Errorf("%d done, want 30; suspects %v", n, suspect)
		}
		r.stop()
	})
}

func TestDrain(t *testing.T) {
	tests := []struct {
		name        string
		answer      time.Duration // the plugin's time per delivery
		crash       bool          // in the middle of the drain
		wantDone    int
		wantRelease int
		wantDrain   time.Duration // or up to a second less
	}{
		{"all in flight finish", 3 * time.Second, false, 4, 6, 3 * time.Second},
		{"not all in time", 30 * time.Second, false, 0, 10, 10 * time.Second},
		{"the plugin goes first", 30 * time.Second, true, 0, 10, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFakeSession(t, 10, 4, func(s *fakeSession, batch []pluginhost.Delivery) {
					go func() {
						time.Sleep(tt.answer)
						allDone(s, batch)
					}()
				})
				// One goes out every 250 ms, so six of ten are held back in the queue.
				r := newRig(t, Options{Rate: Rate{4, time.Second}}, func(int) *fakeSession { return s })
				r.journal.add(10, nil)
				r.run()
				time.Sleep(time.Second - 1)
				if n := len(s.ids()); n != 4 {
					t.Fatalf("%d sent, want 4", n)
				}
				if tt.crash {
					time.AfterFunc(time.Second, func() { s.crash(errors.New("gone")) })
				}
				took := r.stop()
				if took > tt.wantDrain || took < tt.wantDrain-time.Second {
					t.Errorf("the stop took %s, want about %s", took, tt.wantDrain)
				}
				released := 0
				for seq := 1; seq <= 10; seq++ {
					for _, h := range r.journal.history(seq) {
						if h.Outcome == journal.Release {
							released++
						} else if h.Outcome != journal.Done {
							t.Errorf("delivery %d: %+v", seq, h)
						}
					}
				}
				if n := r.journal.count(journal.Done); n != tt.wantDone || released != tt.wantRelease {
					t.Errorf("%d done and %d released, want %d and %d", n, released, tt.wantDone, tt.wantRelease)
				}
				time.Sleep(time.Minute) // the fake plugin's goroutines
			})
		})
	}
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

// A session that refuses to send is over, even when Recv does not notice.
func TestSendFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, func(n int) *fakeSession {
			s := newFakeSession(t, 5, 5, allDone)
			if n == 0 {
				s.on, s.refuse = nil, errors.New("message too large")
			}
			return s
		})
		r.journal.add(3, nil)
		r.run()
		time.Sleep(10 * time.Second)
		if h := r.journal.history(1); len(h) != 2 || !strings.Contains(h[0].Error, "message too large") || h[1].Outcome != journal.Done {
			t.Errorf("history: %+v", h)
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
