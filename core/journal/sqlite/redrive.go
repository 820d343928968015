package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

// redriveOp makes dead letters due again.
type redriveOp struct {
	opBase
	j      *Journal
	seqs   []int64
	queues map[string]*queue // of the deliveries' plugins
	moved  []redriven
}

type redriven struct {
	q   *queue
	seq int64
	key string
}

// Redrive implements journal.Operator.
func (j *Journal) Redrive(ctx context.Context, seqs []int64) (int, error) {
	return inBatches(seqs, "redrive", func(batch []int64) (int, error) { return j.redrive(ctx, batch) })
}

// operatorBatch is how many deliveries one transaction changes for an operator. Each takes about 40 us, in which no event is stored.
const operatorBatch = 20

// inBatches calls change with all numbers, operatorBatch at a time, and returns the sum of its results.
func inBatches(seqs []int64, what string, change func(batch []int64) (int, error)) (sum int, err error) {
	for batch := range slices.Chunk(seqs, operatorBatch) {
		n, err := change(batch)
		sum += n
		if errors.Is(err, journal.ErrClosed) {
			return sum, err
		}
		if err != nil {
			return sum, fmt.Errorf("%s: %w", what, err)
		}
	}
	return sum, nil
}

func (j *Journal) redrive(ctx context.Context, seqs []int64) (int, error) {
	o := &redriveOp{j: j, seqs: seqs, queues: make(map[string]*queue)}
	err := j.conn.do(ctx, func(c *sqlite.Conn) error {
		for _, seq := range seqs {
			err := query(c, "SELECT p.name FROM delivery d JOIN plugin p ON p.id = d.plugin WHERE d.seq = ?", func(s *sqlite.Stmt) error {
				name := s.ColumnText(0)
				o.queues[name] = j.queue(name)
				return nil
			}, seq)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && len(o.queues) > 0 {
		err = j.w.do(ctx, o)
	}
	if err != nil {
		return 0, err
	}
	return len(o.moved), nil
}

// write makes the dead letters pending. The queues concerned stay locked until committed has run: refill could read what this commits
// and add it twice.
func (o *redriveOp) write(t *tx) error {
	for _, q := range o.queues {
		t.w.holdLoading(q)
	}
	o.moved = o.moved[:0]
	for _, seq := range o.seqs {
		err := query(t.w.c, `UPDATE delivery SET state = 0, due = 0, prior = ifnull(prior, 0) + attempts, attempts = 0,
			redriven = ?, settled = NULL WHERE seq = (SELECT delivery FROM dead WHERE delivery = ? AND reason <> ?)
			RETURNING (SELECT name FROM plugin p WHERE p.id = plugin), order_key`,
			func(s *sqlite.Stmt) error {
				o.moved = append(o.moved, redriven{o.queues[s.ColumnText(0)], seq, s.ColumnText(1)})
				return nil
			}, t.now, seq, journal.ReasonRuleError)
		if err == nil {
			err = execute(t.w.c, "DELETE FROM dead WHERE delivery = ? AND reason <> ?", seq, journal.ReasonRuleError)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *redriveOp) committed() {
	for _, m := range o.moved {
		m.q.revive(m.seq, m.key)
	}
}

func (o *redriveOp) failed() {} // commitGroup unlocks the queues

// revive adds a delivery that was a dead letter.
func (q *queue) revive(seq int64, key string) {
	q.pending.Add(1)
	q.dead.Add(-1)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = max(q.last, seq)
	if q.hasMoreOnDisk && seq > q.loadedUpTo {
		return
	}
	q.loadedUpTo = max(q.loadedUpTo, seq)
	e := entry{seq: seq}
	if q.enter(&e, key) {
		q.offer(e, q.j.clock())
	}
}
