package dispatch

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// rig is a running dispatcher between a memJournal and a fakeTarget. Its tests run in a synctest bubble.
type rig struct {
	t       *testing.T
	journal *memJournal
	target  *fakeTarget
	metrics *Metrics
	logs    *logBuffer
	d       *Dispatcher
	cancel  context.CancelFunc
	ended   chan error
}

// newRig makes a rig; run starts it. Every n-th session comes from next.
func newRig(t *testing.T, o Options, next func(n int) *fakeSession) *rig {
	r := &rig{
		t: t, journal: newMemJournal(t), target: newFakeTarget(next), metrics: NewMetrics(prometheus.NewRegistry()),
		logs: &logBuffer{}, ended: make(chan error, 1),
	}
	o.Plugin, o.Journal, o.Target, o.Metrics = "p", r.journal, r.target, r.metrics
	o.Log = slog.New(slog.NewTextHandler(r.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if o.Rand == nil {
		o.Rand = func() float64 { return 0.5 }
	}
	r.d = New(o)
	return r
}

func (r *rig) run() {
	ctx, cancel := context.WithCancel(r.t.Context())
	r.cancel = cancel
	go func() { r.ended <- r.d.Run(ctx) }()
}

// stop ends the dispatcher and returns how long that took.
func (r *rig) stop() time.Duration {
	r.t.Helper()
	start := time.Now()
	r.cancel()
	if err := <-r.ended; err != nil {
		r.t.Errorf("Run: %v", err)
	}
	if n := r.journal.claims(); n != 0 {
		r.t.Errorf("%d deliveries are still claimed after the stop", n)
	}
	return time.Since(start)
}

func (r *rig) attempts(result string) int {
	return int(testutil.ToFloat64(r.metrics.attempts.WithLabelValues("p", result)))
}

// one returns a function for newRig that gives the same behaviour to every session.
func one(t *testing.T, window, batch int, on sendFunc) func(int) *fakeSession {
	return func(int) *fakeSession { return newFakeSession(t, window, batch, on) }
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
