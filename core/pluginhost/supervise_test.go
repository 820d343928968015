package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// fakeChild is a process that lives until the test kills it.
type fakeChild struct {
	pid    int
	once   sync.Once
	failed chan struct{}
	why    string
}

func (c *fakeChild) watchHealth()                   { <-c.failed }
func (c *fakeChild) gone() <-chan struct{}          { return c.failed }
func (c *fakeChild) reason() string                 { return c.why }
func (c *fakeChild) end()                           {}
func (c *fakeChild) drain()                         { c.fail(reasonStop, "") }
func (c *fakeChild) lost() error                    { return &LostError{Reason: c.why} }
func (c *fakeChild) about() (int, string, string)   { return c.pid, "1.0", "abc" }
func (c *fakeChild) openSession() (*Session, error) { return &Session{window: c.pid}, nil }
func (c *fakeChild) fail(reason, _ string) (first bool) {
	c.once.Do(func() { first, c.why = true, reason; close(c.failed) })
	return first
}

// fakeHost runs a Plugin over fake processes.
type fakeHost struct {
	*Plugin
	mu       sync.Mutex
	starts   []time.Time
	children []*fakeChild
	refuse   error         // of the next starts
	slow     time.Duration // how long the next starts take
	cancel   context.CancelFunc
}

func newFakeHost(t *testing.T, m *Metrics) *fakeHost {
	h := &fakeHost{Plugin: New(Spec{Name: "p"}, Options{Log: slog.New(slog.DiscardHandler), Metrics: m})}
	h.launch = func(context.Context) (child, error) {
		time.Sleep(h.slow) // a bubble's clock
		h.mu.Lock()
		defer h.mu.Unlock()
		h.starts = append(h.starts, time.Now())
		if h.refuse != nil {
			return nil, h.refuse
		}
		c := &fakeChild{pid: len(h.starts), failed: make(chan struct{})}
		h.children = append(h.children, c)
		return c, nil
	}
	var ctx context.Context
	ctx, h.cancel = context.WithCancel(context.Background())
	go func() { _ = h.Run(ctx) }()
	synctest.Wait()
	t.Cleanup(func() { h.cancel(); <-h.done })
	return h
}

func (h *fakeHost) kill() {
	h.mu.Lock()
	c := h.children[len(h.children)-1]
	h.mu.Unlock()
	c.fail(reasonExit, "")
	synctest.Wait()
}

func (h *fakeHost) setRefuse(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refuse = err
}

func (h *fakeHost) want(t *testing.T, s State, starts int) {
	t.Helper()
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	if got := h.State(); got != s || len(h.starts) != starts {
		t.Fatalf("state is %q after %d starts, want %q after %d", got, len(h.starts), s, starts)
	}
}

func TestSuperviseRestartsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		m := NewMetrics(reg)
		m.Init("p")
		h := newFakeHost(t, m)
		h.want(t, Ready, 1)
		h.kill()
		h.want(t, Backoff, 1)
		time.Sleep(backoffMin) // a bubble's clock
		h.want(t, Ready, 2)
		h.Restart("three hangs in a row")
		h.want(t, Backoff, 2)
		time.Sleep(2 * backoffMin)
		h.want(t, Ready, 3)
		if n := h.Status().Restarts; n != 2 {
			t.Errorf("%d restarts", n)
		}
		for reason, want := range map[string]float64{reasonExit: 1, reasonRequested: 1, reasonStart: 0} {
			if got := testutil.ToFloat64(m.restarts.WithLabelValues("p", reason)); got != want {
				t.Errorf("restarts for %s: %v, want %v", reason, got, want)
			}
		}
		if got := testutil.ToFloat64(m.up.WithLabelValues("p")); got != 1 {
			t.Errorf("up is %v", got)
		}
		h.cancel()
		h.want(t, Stopped, 3)
		if got := testutil.ToFloat64(m.up.WithLabelValues("p")); got != 0 {
			t.Errorf("up after the stop is %v", got)
		}
		if n := testutil.CollectAndCount(m.info); n != 1 {
			t.Errorf("%d info series", n)
		}
	})
}

func TestSuperviseSuspension(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, nil)
		for n := 1; n < crashLimit; n++ {
			h.kill()
			h.want(t, Backoff, n)
			time.Sleep(backoffMax)
			h.want(t, Ready, n+1)
		}
		h.kill()
		h.want(t, Suspended, crashLimit)
		time.Sleep(suspendTime - time.Second)
		h.want(t, Suspended, crashLimit)
		time.Sleep(time.Second)
		h.want(t, Ready, crashLimit+1)
		h.kill()
		h.want(t, Backoff, crashLimit+1) // with a clean record
	})
}

// An operator may restart a plugin as often as he likes: each time a new process starts at once, and nothing counts as a crash.
func TestRestartNowIsNoCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMetrics(prometheus.NewRegistry())
		h := newFakeHost(t, m)
		start := time.Now()
		for n := range 2 * crashLimit {
			h.RestartNow()
			h.want(t, Ready, n+2)
		}
		if waited := time.Since(start); waited > 0 {
			t.Errorf("waited %s", waited)
		}
		if st := h.Status(); st.Restarts != 0 || st.LastError != nil {
			t.Errorf("%d restarts, last error %v", st.Restarts, st.LastError)
		}
		if n := testutil.CollectAndCount(m.restarts); n != 0 {
			t.Errorf("%d series of restarts", n)
		}
		h.kill()
		h.want(t, Backoff, 2*crashLimit+1)
		time.Sleep(backoffMin)
		h.want(t, Ready, 2*crashLimit+2)
	})
}

func TestRestartNowWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, nil)
		h.kill()
		h.want(t, Backoff, 1)
		h.RestartNow()
		h.want(t, Ready, 2)
		for range crashLimit {
			h.kill()
			if h.State() != Suspended {
				time.Sleep(backoffMax)
				synctest.Wait()
			}
		}
		h.want(t, Suspended, crashLimit+1)
		h.RestartNow()
		h.want(t, Ready, crashLimit+2)
	})
}

// A process that dies by itself just before the request is replaced at once too, and what is asked for while a process starts
// does not hurry the restart after its crash.
func TestRestartNowAtTheWrongMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, nil)
		h.mu.Lock()
		c := h.children[0]
		h.mu.Unlock()
		c.fail(reasonExit, "")
		h.RestartNow()
		h.want(t, Ready, 2)

		h.slow = time.Second
		h.RestartNow()
		h.want(t, Starting, 2)
		h.RestartNow()
		time.Sleep(time.Second) // a bubble's clock
		h.want(t, Ready, 3)
		h.kill()
		h.want(t, Backoff, 3)
	})
}

func TestSuperviseRefusedSettingsAreNoCrashLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, nil)
		h.setRefuse(&ConfigError{Plugin: "p", Diagnostics: []*pluginv1.Diagnostic{{Severity: pluginv1.Diagnostic_SEVERITY_ERROR}}})
		h.kill()
		time.Sleep(backoffMin)
		h.want(t, FailedConfig, 2)
		if _, ok := errors.AsType[*ConfigError](h.Status().LastError); !ok {
			t.Errorf("last error is %v", h.Status().LastError)
		}
		time.Sleep(time.Minute)
		h.want(t, FailedConfig, 2)
		h.setRefuse(nil)
		h.RestartNow()
		h.want(t, Ready, 3)
	})
}

func TestSuperviseFailedRestartsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, nil)
		h.setRefuse(&StartError{Plugin: "p", Reason: ErrMissing})
		h.kill()
		time.Sleep(backoffMin)
		h.want(t, Backoff, 2)
		time.Sleep(2*backoffMin + 4*backoffMin + 8*backoffMin)
		h.want(t, Suspended, 5)
		if !errors.Is(h.Status().LastError, ErrMissing) {
			t.Errorf("last error is %v", h.Status().LastError)
		}
	})
}

func TestSuperviseStopsInEveryState(t *testing.T) {
	for _, state := range []State{Ready, Backoff, Suspended} {
		t.Run(string(state), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newFakeHost(t, nil)
				for h.State() != state {
					h.kill()
					if h.State() != state {
						time.Sleep(backoffMax)
						synctest.Wait()
					}
				}
				h.cancel()
				synctest.Wait()
				if got := h.State(); got != Stopped {
					t.Errorf("state is %q", got)
				}
			})
		})
	}
}

func TestSessionWaitsForTheNextProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost(t, nil)
		h.kill()
		got := make(chan string)
		go func() {
			s, err := h.Session(t.Context())
			got <- fmt.Sprint(s.Window(), err)
		}()
		if g := <-got; g != "2 <nil>" {
			t.Errorf("session is %s, want the second process's", g)
		}
		h.kill()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := h.Session(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
	})
}

// The same with a real process: killed with SIGKILL it is back within two seconds.
func TestKilledProcessComesBack(t *testing.T) {
	r := newRig(t, "ok").ready()
	s := r.session()
	old := r.plugin.Status().Pid
	killed := time.Now()
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); !errors.As(err, new(*LostError)) {
		t.Fatalf("Recv returned %v", err)
	}
	eventually(t, "a new process is ready", func() bool {
		st := r.plugin.Status()
		return st.State == Ready && st.Pid != old
	})
	t.Logf("back after %s", time.Since(killed))
}

// Settings that the second process refuses leave a plugin that waits, not one that loops.
func TestRefusedAtRestart(t *testing.T) {
	r := newRig(t, "ok")
	r.spec.DataDir = t.TempDir()
	r.spec.Settings = []byte(`{"once":"x"}`)
	r.ready()
	_ = r.mustLose(r.session(), "exit")
	eventually(t, "it waits", func() bool { return r.plugin.State() == FailedConfig })
}

func TestRestartByRequest(t *testing.T) {
	r := newRig(t, "ok").ready()
	s := r.session()
	if err := s.Send([]Delivery{{ID: "a", Rule: "hang"}}); err != nil {
		t.Fatal(err)
	}
	r.plugin.Restart("three timeouts in a row")
	_, err := s.Recv()
	lost, ok := errors.AsType[*LostError](err)
	if !ok || lost.Reason != reasonRequested || lost.Detail != "was ended: three timeouts in a row" {
		t.Errorf("Recv returned %v", err)
	}
	s.Close()
	if _, err := r.deliver(r.session(), "echo"); err != nil {
		t.Errorf("the next process: %v", err)
	}
}
