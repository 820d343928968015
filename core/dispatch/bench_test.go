package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/pluginhost"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// BenchmarkDispatch is the cost of dispatch alone: the journal hands out what it has, the plugin answers at once.
func BenchmarkDispatch(b *testing.B) {
	for _, window := range []int{1, 64, 1024} {
		b.Run(fmt.Sprint("window=", window), func(b *testing.B) {
			j := newBenchJournal(b.N)
			s := &echoSession{window: window, out: make(chan []*pluginv1.Result, 1024), closed: make(chan struct{})}
			d := New(Options{
				Plugin: "p", Journal: j, Target: echoTarget{s}, Log: slog.New(slog.DiscardHandler),
				Metrics: NewMetrics(prometheus.NewRegistry()),
			})
			b.ReportAllocs()
			b.ResetTimer()
			benchmarkRun(b, d, j.finished)
		})
	}
}

// benchmarkRun runs d until finished and reports the rate.
func benchmarkRun(b *testing.B, d *Dispatcher, finished <-chan struct{}) {
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	<-finished
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
}

// benchJournal has total deliveries of 1 KiB due.
type benchJournal struct {
	ring     []journal.Delivery
	total    int
	finished chan struct{}

	mu             sync.Mutex
	claimed, ended int
}

func newBenchJournal(total int) *benchJournal {
	j := &benchJournal{ring: make([]journal.Delivery, 1<<14), total: total, finished: make(chan struct{})}
	envelope, now := make([]byte, 1024), time.Now()
	for i := range j.ring {
		j.ring[i] = journal.Delivery{
			ID: fmt.Sprint("abcdefgh-", i), EventID: "e", Source: "s", Rule: "r", Plugin: "p", Attempt: 1,
			Envelope: envelope, Arguments: []byte("{}"), Received: now,
		}
	}
	return j
}

func (j *benchJournal) Claim(ctx context.Context, _ string, n int) ([]journal.Delivery, error) {
	j.mu.Lock()
	from := j.claimed
	j.claimed = min(j.claimed+n, j.total)
	n = j.claimed - from
	j.mu.Unlock()
	if n == 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	claimed := make([]journal.Delivery, n)
	for i := range claimed {
		claimed[i] = j.ring[(from+i)%len(j.ring)]
		claimed[i].Seq = int64(from + i + 1)
	}
	return claimed, nil
}

func (j *benchJournal) Settle(_ context.Context, results []journal.Settlement) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended += len(results); j.ended == j.total {
		close(j.finished)
	}
	return nil
}

type echoTarget struct{ s *echoSession }

func (e echoTarget) Session(context.Context) (Session, error) { return e.s, nil }
func (e echoTarget) Restart(string)                           {}

// echoSession answers every batch at once with success.
type echoSession struct {
	window int
	out    chan []*pluginv1.Result
	closed chan struct{}
	once   sync.Once
}

func (s *echoSession) Window() int   { return s.window }
func (s *echoSession) MaxBatch() int { return 256 }

func (s *echoSession) Send(batch []pluginhost.Delivery) error {
	results := make([]*pluginv1.Result, len(batch))
	block := make([]pluginv1.Result, len(batch))
	for i, d := range batch {
		block[i].Id, block[i].Outcome = d.ID, pluginv1.Outcome_OUTCOME_DONE
		results[i] = &block[i]
	}
	s.out <- results
	return nil
}

func (s *echoSession) Recv() ([]*pluginv1.Result, error) {
	select {
	case r := <-s.out:
		return r, nil
	case <-s.closed:
		return nil, errors.New("closed")
	}
}

func (s *echoSession) Close() { s.once.Do(func() { close(s.closed) }) }
