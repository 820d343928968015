package dispatch

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/pluginhost"
)

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
