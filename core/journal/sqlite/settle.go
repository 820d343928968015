package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

const (
	// textMax limits an error or a receipt in the file, in bytes.
	textMax = 4 << 10
	// The journal keeps the first and the last failed attempts of a delivery.
	firstTries, lastTries = 10, 90
	// A retry that is due within this time keeps its payload in memory.
	keepFor = 10 * time.Second
)

// settleOp records the outcomes of one call.
type settleOp struct {
	opBase
	j       *Journal
	results []settlement
	ordered bool // another delivery of a key may wait for one of these
}

type settlement struct {
	*item
	journal.Settlement
	due int64
}

// Settle implements journal.Journal.
func (j *Journal) Settle(ctx context.Context, results []journal.Settlement) error {
	for _, r := range results {
		if r.Outcome < journal.Done || r.Outcome > journal.Release {
			return fmt.Errorf("settle delivery %d: unknown outcome %d", r.Seq, r.Outcome)
		}
	}
	o, released, err := j.unclaim(results)
	for _, it := range released {
		it.d.Attempt--
		it.q.back(it, int64(min(1, it.d.Attempt)), true)
	}
	if len(o.results) == 0 {
		return err
	}
	return errors.Join(err, j.w.do(ctx, o))
}

// unclaim separates the results into those to write and those to release. The error names deliveries that are not claimed.
func (j *Journal) unclaim(results []journal.Settlement) (o *settleOp, released []*item, err error) {
	o = &settleOp{j: j, results: make([]settlement, 0, len(results))}
	j.claimed.Lock()
	defer j.claimed.Unlock()
	for _, r := range results {
		it := j.claimed.bySeq[r.Seq]
		switch {
		case it == nil || it.settling:
			err = errors.Join(err, fmt.Errorf("settle delivery %d: it is not claimed: %w", r.Seq, journal.ErrNotFound))
		case r.Outcome == journal.Release:
			delete(j.claimed.bySeq, r.Seq)
			released = append(released, it)
		default:
			it.settling = true
			o.ordered = o.ordered || it.d.OrderKey != ""
			o.results = append(o.results, settlement{item: it, Settlement: r, due: max(1, j.clockOf(r.At))})
			o.bytes += int64(rowBytes + len(r.Error) + len(r.Receipt))
		}
	}
	return o, released, err
}

func (o *settleOp) write(t *tx) error {
	for i := range o.results {
		r := &o.results[i]
		if err := r.write(t); err != nil {
			return err
		}
	}
	return nil
}

// write records the outcome of one delivery in the current transaction.
func (r *settlement) write(t *tx) error {
	s := t.w.s.done
	switch r.Outcome {
	case journal.Done:
		s.BindInt64(3, t.now)
		bindText(s, 4, clip(r.Receipt))
	case journal.Retry:
		s = t.w.s.retry
		s.BindInt64(3, r.due)
	case journal.Dead:
		s = t.w.s.dead
		s.BindInt64(3, t.now)
		if err := t.insertDead(r.d.Seq, r.Reason, r.Error); err != nil {
			return err
		}
	}
	s.BindInt64(1, r.d.Seq)
	s.BindInt64(2, int64(r.d.Attempt))
	if err := step(s); err != nil || r.Outcome == journal.Done {
		return err
	}
	return r.writeAttempt(t)
}

// insertDead stores why the delivery is a dead letter.
func (t *tx) insertDead(seq int64, reason, text string) error {
	s := t.w.s.insertDead
	s.BindInt64(1, seq)
	s.BindText(2, reason)
	s.BindText(3, clip(text))
	return step(s)
}

// writeAttempt stores a failed attempt. A delivery that succeeds at once has none.
func (r *settlement) writeAttempt(t *tx) error {
	number := r.prior + r.d.Attempt
	s := t.w.s.insertAttempt
	s.BindInt64(1, r.d.Seq)
	s.BindInt64(2, int64(number))
	s.BindInt64(3, t.now)
	s.BindInt64(4, int64(r.Outcome))
	s.BindText(5, clip(r.Error))
	if err := step(s); err != nil || number <= firstTries+lastTries {
		return err
	}
	s = t.w.s.trimAttempts
	s.BindInt64(1, r.d.Seq)
	s.BindInt64(2, int64(number-lastTries))
	return step(s)
}

// clip shortens a text for people.
func clip(text string) string {
	if len(text) <= textMax {
		return text
	}
	return text[:textMax] + "..."
}

// committed ends the claims and makes retries and the next deliveries of their keys claimable.
func (o *settleOp) committed() {
	o.j.claimed.Lock()
	for i := range o.results {
		delete(o.j.claimed.bySeq, o.results[i].d.Seq)
	}
	o.j.claimed.Unlock()
	o.j.space.settled()
	now := o.j.clock()
	for i := range o.results {
		r := &o.results[i]
		q := r.q
		if r.Outcome == journal.Retry {
			q.back(r.item, r.due, r.due-now < int64(keepFor) && o.j.cached.Load() < o.j.o.tuning.cacheBytes)
			continue
		}
		if r.Outcome == journal.Dead {
			q.dead.Add(1)
		}
		q.pending.Add(-1)
		q.settled(r.item)
	}
}

// failed leaves the deliveries claimed, so that they can be settled again.
func (o *settleOp) failed() {
	o.j.claimed.Lock()
	defer o.j.claimed.Unlock()
	for i := range o.results {
		o.results[i].settling = false
	}
}
