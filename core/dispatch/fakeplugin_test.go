package dispatch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/pluginhost"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// fakeTarget is a plugin whose sessions a test scripts.
type fakeTarget struct {
	next     func(n int) *fakeSession   // the n-th session, from 0
	wrap     func(*fakeSession) Session // may be nil
	start    time.Duration              // how long the plugin takes to be ready again
	end      time.Duration              // how long it takes to die after Restart
	restarts chan string

	mu      sync.Mutex
	started int
	current *fakeSession
}

func newFakeTarget(next func(n int) *fakeSession) *fakeTarget {
	return &fakeTarget{next: next, restarts: make(chan string, 100)}
}

func (f *fakeTarget) Session(ctx context.Context) (Session, error) {
	if f.sessions() > 0 {
		select {
		case <-time.After(f.start):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if f.current != nil {
		select {
		case <-f.current.closed:
		default:
			f.current.t.Error("a second session was opened")
		}
	}
	f.current = f.next(f.started)
	f.started++
	if f.wrap != nil {
		return f.wrap(f.current), nil
	}
	return f.current, nil
}

func (f *fakeTarget) Restart(reason string) {
	f.restarts <- reason
	f.mu.Lock()
	defer f.mu.Unlock()
	time.AfterFunc(f.end, func() { f.current.crash(errors.New("killed by the router")) })
}

func (f *fakeTarget) sessions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.started
}

// sendFunc is what a fake session does with a batch, during Send.
type sendFunc func(s *fakeSession, batch []pluginhost.Delivery)

// fakeSession fails the test when it is sent more than it allows. Without on, what was sent waits in sent.
type fakeSession struct {
	t             *testing.T
	window, batch int
	on            sendFunc
	refuse        error // Send returns it
	unchecked     bool  // the router frees slots by time-outs, so more may be unanswered

	out    chan []*pluginv1.Result
	lost   chan error
	closed chan struct{}

	mu      sync.Mutex
	pending map[string]bool // unanswered
	highest int
	sent    []pluginhost.Delivery
	batches []int
}

func newFakeSession(t *testing.T, window, batch int, on sendFunc) *fakeSession {
	return &fakeSession{
		t: t, window: window, batch: batch, on: on, out: make(chan []*pluginv1.Result, 10_000), lost: make(chan error, 1),
		closed: make(chan struct{}), pending: map[string]bool{},
	}
}

func (s *fakeSession) Window() int   { return s.window }
func (s *fakeSession) MaxBatch() int { return s.batch }

func (s *fakeSession) Send(batch []pluginhost.Delivery) error {
	if s.refuse != nil {
		return s.refuse
	}
	s.mu.Lock()
	for _, d := range batch {
		if s.pending[d.ID] && !s.unchecked {
			s.t.Errorf("%s was sent while in flight", d.ID)
		}
		s.pending[d.ID] = true
	}
	s.highest = max(s.highest, len(s.pending))
	s.sent = append(s.sent, batch...)
	s.batches = append(s.batches, len(batch))
	if len(s.pending) > s.window && !s.unchecked || len(batch) > s.batch || len(batch) == 0 {
		s.t.Errorf("%d in flight, %d in the batch; allowed %d and %d", len(s.pending), len(batch), s.window, s.batch)
	}
	s.mu.Unlock()
	if s.on != nil {
		s.on(s, slices.Clone(batch)) // the slice is the dispatcher's again after Send
	}
	return nil
}

func (s *fakeSession) Recv() ([]*pluginv1.Result, error) {
	select {
	case r := <-s.out:
		return r, nil
	default:
	}
	select {
	case r := <-s.out:
		return r, nil
	case err := <-s.lost:
		return nil, err
	case <-s.closed:
		return nil, errors.New("session closed")
	}
}

func (s *fakeSession) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
}

// answer sends results as the plugin does.
func (s *fakeSession) answer(results ...*pluginv1.Result) {
	s.mu.Lock()
	for _, r := range results {
		delete(s.pending, r.GetId())
	}
	s.mu.Unlock()
	s.out <- results
}

func (s *fakeSession) crash(err error) {
	select {
	case s.lost <- err:
	default:
	}
}

// ids returns what was sent so far, in order.
func (s *fakeSession) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, len(s.sent))
	for i, d := range s.sent {
		ids[i] = d.ID
	}
	return ids
}

func done(id string) *pluginv1.Result {
	return &pluginv1.Result{Id: id, Outcome: pluginv1.Outcome_OUTCOME_DONE, Receipt: "receipt of " + id}
}

func again(id, message string) *pluginv1.Result {
	return &pluginv1.Result{Id: id, Outcome: pluginv1.Outcome_OUTCOME_RETRY, Message: message}
}

// allDone answers every delivery at once.
func allDone(s *fakeSession, batch []pluginhost.Delivery) {
	results := make([]*pluginv1.Result, len(batch))
	for i, d := range batch {
		results[i] = done(d.ID)
	}
	s.answer(results...)
}
