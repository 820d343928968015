package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/pluginhost"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// memJournal keeps what journal.Journal promises, in memory, and fails the test when dispatch does not keep its own side: every
// claimed delivery is settled once.
type memJournal struct {
	t *testing.T

	mu      sync.Mutex
	rows    []*row // by arrival; Seq is the index + 1
	changed chan struct{}
	fail    error // Settle returns it
	closed  bool
	settles int // calls of Settle, failed ones too
}

type row struct {
	journal.Delivery
	due     time.Time
	claimed bool
	ended   bool
	history []journal.Settlement
}

func newMemJournal(t *testing.T) *memJournal { return &memJournal{t: t, changed: make(chan struct{})} }

// add appends n deliveries made by edit (may be nil).
func (j *memJournal) add(n int, edit func(i int, d *journal.Delivery)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range n {
		seq := int64(len(j.rows) + 1)
		r := &row{Delivery: journal.Delivery{
			Seq: seq, ID: fmt.Sprintf("journal-%d", seq), Event: seq, EventID: fmt.Sprint("event-", seq), Source: "lab", Rule: "r",
			Plugin: "p", Attempt: 1, Envelope: []byte("envelope"), Arguments: []byte("{}"), Received: time.Now(),
		}}
		if edit != nil {
			edit(i, &r.Delivery)
		}
		j.rows = append(j.rows, r)
	}
	j.wake()
}

func (j *memJournal) wake() {
	close(j.changed)
	j.changed = make(chan struct{})
}

func (j *memJournal) Claim(ctx context.Context, plugin string, n int) ([]journal.Delivery, error) {
	if plugin != "p" || n < 1 {
		j.t.Errorf("Claim(%q, %d)", plugin, n)
	}
	for {
		j.mu.Lock()
		if j.closed {
			j.mu.Unlock()
			return nil, journal.ErrClosed
		}
		claimed, next := j.due(n)
		changed := j.changed
		j.mu.Unlock()
		if len(claimed) > 0 {
			return claimed, nil
		}
		timer := time.NewTimer(next)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
		timer.Stop()
	}
}

func (j *memJournal) due(n int) (claimed []journal.Delivery, next time.Duration) {
	now, next := time.Now(), time.Hour
	blocked := map[string]bool{}
	for _, r := range j.rows {
		if r.ended {
			continue
		}
		free := !r.claimed && !blocked[r.OrderKey]
		if r.OrderKey != "" {
			blocked[r.OrderKey] = true
		}
		if !free {
			continue
		}
		if wait := r.due.Sub(now); wait > 0 {
			next = min(next, wait)
			continue
		}
		r.claimed = true
		if claimed = append(claimed, r.Delivery); len(claimed) == n {
			break
		}
	}
	return claimed, next
}

func (j *memJournal) Settle(ctx context.Context, results []journal.Settlement) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.settles++
	if j.closed {
		return journal.ErrClosed
	}
	if j.fail != nil {
		return j.fail
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, s := range results {
		r := j.rows[s.Seq-1]
		if !r.claimed || r.ended {
			j.t.Errorf("delivery %d was settled twice, or without a claim: %+v", s.Seq, s)
		}
		r.claimed = false
		switch s.Outcome {
		case journal.Retry:
			r.due = s.At
			r.Attempt++
		case journal.Done, journal.Dead:
			r.ended = true
		}
		r.history = append(r.history, s)
	}
	j.wake()
	return nil
}

func (j *memJournal) setFail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail = err
}

func (j *memJournal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	j.wake()
}

// history returns the settlements of delivery seq.
func (j *memJournal) history(seq int) []journal.Settlement {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.rows[seq-1].history)
}

// row returns the delivery with the id.
func (j *memJournal) row(id string) journal.Delivery {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.rows {
		if r.ID == id {
			return r.Delivery
		}
	}
	j.t.Errorf("no delivery %s", id)
	return journal.Delivery{}
}

// count returns how many deliveries ended with this outcome (Done, Dead), or, for 0, have not ended.
func (j *memJournal) count(o journal.Outcome) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, r := range j.rows {
		if !r.ended && o == 0 || r.ended && r.history[len(r.history)-1].Outcome == o {
			n++
		}
	}
	return n
}

// claims returns how many deliveries are claimed.
func (j *memJournal) claims() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, r := range j.rows {
		if r.claimed {
			n++
		}
	}
	return n
}

// fakeTarget is a plugin whose sessions a test scripts.
type fakeTarget struct {
	next     func(n int) *fakeSession   // the n-th session, from 0
	wrap     func(*fakeSession) Session // may be nil
	restarts chan string

	mu      sync.Mutex
	started int
	current *fakeSession
}

func newFakeTarget(next func(n int) *fakeSession) *fakeTarget {
	return &fakeTarget{next: next, restarts: make(chan string, 100)}
}

func (f *fakeTarget) Session(ctx context.Context) (Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if f.current != nil {
		select {
		case <-f.current.closed:
		default:
			f.current.t.Error("a session was asked for while one is open")
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
	f.current.crash(errors.New("killed by the router"))
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
