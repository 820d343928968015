package dispatch

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/pluginhost"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

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

func TestWhoIsSuspected(t *testing.T) {
	tests := []struct {
		name      string
		cause     error
		restarted bool
		want      int
	}{
		{"exited", &pluginhost.LostError{Reason: "exit"}, false, 2},
		{"broke its stream", &pluginhost.LostError{Reason: "stream"}, false, 2},
		{"unknown", errors.New("EOF"), false, 2},
		{"an operator's restart", &pluginhost.LostError{Reason: "requested"}, false, 0},
		{"stopped first", fmt.Errorf("receive: %w", &pluginhost.LostError{Reason: "stop"}), false, 0},
		{"our restart, and it died on its own", &pluginhost.LostError{Reason: "exit"}, true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, Options{}, nil)
			for seq := range int64(2) {
				r.d.inFlight.add(&journal.Delivery{Seq: seq, ID: fmt.Sprint(seq), Attempt: 1, Received: time.Now()}, time.Now())
			}
			r.d.restart = tt.restarted
			r.d.lost(tt.cause)
			if n := len(r.d.poison); n != tt.want {
				t.Errorf("%d suspects, want %d", n, tt.want)
			}
			if n := r.d.settler.len(); n != 2 {
				t.Errorf("%d settled, want 2", n)
			}
		})
	}
}

// A plugin whose sessions end before they answer anything is not tried in a busy loop.
func TestSessionsThatNeverAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, one(t, 10, 10, func(s *fakeSession, _ []pluginhost.Delivery) {
			s.crash(&pluginhost.LostError{Plugin: "p", Reason: "requested", Detail: "was ended"})
		}))
		r.journal.add(1, nil)
		r.run()
		time.Sleep(time.Minute)
		if n := r.target.sessions(); n < 5 || n > 20 {
			t.Errorf("%d sessions in a minute", n)
		}
		r.stop()
	})
}

// A plugin that answers and then dies is tried again at once: its supervisor knows how long to wait.
func TestSessionsThatAnswerOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, one(t, 1, 1, func(s *fakeSession, batch []pluginhost.Delivery) {
			time.Sleep(time.Millisecond)
			allDone(s, batch)
			time.AfterFunc(time.Millisecond, func() { s.crash(&pluginhost.LostError{Reason: "requested"}) })
		}))
		r.journal.add(50, nil)
		r.run()
		time.Sleep(time.Second)
		if n := r.journal.count(journal.Done); n != 50 {
			t.Errorf("%d done in a second, want 50", n)
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
		if len(r.d.poison) != 0 {
			t.Errorf("suspects left: %v", r.d.poison)
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

// A plugin that is told to drain while deliveries are on their way answers them without having started on them. That is no attempt.
func TestDrainBeforeDeliveriesAreStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := func(s *fakeSession, batch []pluginhost.Delivery) {
			go func() {
				time.Sleep(time.Second)
				var results []*pluginv1.Result
				for _, d := range batch {
					results = append(results, &pluginv1.Result{Id: d.ID, Outcome: pluginv1.Outcome_OUTCOME_RETRY, Message: "stopping", NotStarted: true})
				}
				s.answer(results...)
			}()
		}
		s := newFakeSession(t, 10, 4, refuse)
		r := newRig(t, Options{}, func(int) *fakeSession { return s })
		r.journal.add(4, func(_ int, d *journal.Delivery) { d.Policy.MaxAttempts = 1 })
		r.run()
		time.Sleep(time.Millisecond)
		r.stop()
		for seq := 1; seq <= 4; seq++ {
			if h := r.journal.history(seq); len(h) != 1 || h[0].Outcome != journal.Release {
				t.Errorf("delivery %d: %+v, want it released", seq, h)
			}
		}
	})
	// Without a stop it is one, or such a plugin would be asked again and again without a limit.
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSession(t, 10, 4, func(s *fakeSession, batch []pluginhost.Delivery) {
			for _, d := range batch {
				s.answer(&pluginv1.Result{Id: d.ID, Outcome: pluginv1.Outcome_OUTCOME_RETRY, Message: "stopping", NotStarted: true})
			}
		})
		r := newRig(t, Options{}, func(int) *fakeSession { return s })
		r.journal.add(1, func(_ int, d *journal.Delivery) { d.Policy.MaxAttempts = 1 })
		r.run()
		time.Sleep(time.Second)
		r.stop()
		if n := r.journal.count(journal.Dead); n != 1 {
			t.Errorf("%d dead letters, want 1", n)
		}
	})
}
