package dispatch

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// memJournal keeps what journal.Journal promises, in memory, and fails the test when dispatch does not keep its own side: every
// claimed delivery is settled once.
type memJournal struct {
	t *testing.T

	mu      sync.Mutex
	rows    []*row // by arrival; Seq is the index + 1
	changed chan struct{}
	fail    error         // Settle returns it
	slow    time.Duration // Settle takes so long
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
			Plugin: "p", Attempt: 1, Envelope: []byte("\x0a\x04test"), Arguments: []byte("{}"), Received: time.Now(),
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
	time.Sleep(j.slow)
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
