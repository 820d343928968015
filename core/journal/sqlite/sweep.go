package sqlite

import (
	"context"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// sweepBatch is how many events a sweep reads, and deletes, at a time.
const sweepBatch = 500

// runSweeps applies the retention, makes room and writes runs of dedupe keys until the journal closes.
func (j *Journal) runSweeps() {
	tick := time.NewTicker(j.o.tuning.sweepEvery)
	defer tick.Stop()
	for {
		var what string
		var err error
		select {
		case <-tick.C:
			what = "apply its retention"
			_, err = j.Sweep(j.closing)
		case <-j.space.pressed:
			what = "make room"
			err = j.makeRoom(j.closing)
		case <-j.seen.full:
			what = "store its dedupe keys"
			err = j.flushSeen(j.closing)
		case <-j.closing.Done():
			return
		}
		if err != nil && j.closing.Err() == nil {
			j.o.Log.Error("journal cannot "+what+", retrying", "err", err) //nolint:sloglint // three constant messages
		}
	}
}

// makeRoom sweeps. It rests if nothing can be deleted, because reading all pending events again and again would not help.
func (j *Journal) makeRoom(ctx context.Context) error {
	start := time.Now()
	n, err := j.sweep(ctx)
	if n == 0 {
		j.space.rest.Store(time.Now().Add(max(time.Second, 20*time.Since(start))).UnixNano())
	}
	return err
}

// Sweep implements journal.Operator.
func (j *Journal) Sweep(ctx context.Context) (int, error) {
	n, err := j.sweep(ctx)
	if err != nil {
		return n, fmt.Errorf("sweep journal: %w", err)
	}
	for _, clean := range []func(context.Context) error{j.dropRuns, j.tidy} {
		if err := clean(ctx); err != nil {
			return n, fmt.Errorf("sweep journal: %w", err)
		}
	}
	return n, nil
}

// sweep walks the events from the oldest and deletes those that were settled longer ago than the retention. While the journal is
// nearly full it also deletes younger ones, but neither dead letters nor quarantined events.
func (j *Journal) sweep(ctx context.Context) (n int, err error) {
	cutoff := time.Now().Add(-j.o.Retention).UnixNano()
	pressed := j.space.used.Load() > j.space.highWater()
	for from := int64(0); ; {
		pressed = pressed && j.space.used.Load() > j.space.lowWater()
		var seen []aged
		err := j.sweepConn.do(ctx, func(c *sqlite.Conn) error {
			seen, err = readAged(c, from)
			return err
		})
		if err != nil || len(seen) == 0 {
			return n, err
		}
		o := &deleteOp{j: j}
		for _, e := range seen {
			if e.over(cutoff) || pressed && e.expendable() {
				o.add(e)
			}
		}
		if len(o.ranges) > 0 {
			if err := j.w.do(ctx, o); err != nil {
				return n, err
			}
			n += o.events
		}
		last := seen[len(seen)-1]
		from = last.seq
		if last.received > cutoff && !pressed {
			return n, nil
		}
	}
}

// aged is the part of an event that a sweep needs.
type aged struct {
	seq, first, deliveries int64
	received, settled      int64
	pending, dead          int64
	quarantined            bool
}

// over reports whether the event was settled before the cutoff.
func (e *aged) over(cutoff int64) bool {
	return e.pending == 0 && max(e.received, e.settled) < cutoff
}

// expendable reports whether the event may be deleted to make room.
func (e *aged) expendable() bool { return e.pending == 0 && e.dead == 0 && !e.quarantined }

// readAged reads the next sweepBatch events from the number from on.
func readAged(c *sqlite.Conn, from int64) (all []aged, err error) {
	err = sqlitex.Execute(c, `SELECT e.seq, e.first, e.deliveries, e.received, ifnull(max(d.settled), 0),
		ifnull(sum(d.state = 0), 0), ifnull(sum(d.state = 2), 0), EXISTS(SELECT 1 FROM quarantine q WHERE q.event = e.seq)
		FROM event e LEFT JOIN delivery d ON d.seq >= e.first AND d.seq < e.first + e.deliveries
		WHERE e.seq > ? GROUP BY e.seq LIMIT ?`,
		&sqlitex.ExecOptions{Args: []any{from, sweepBatch}, ResultFunc: func(s *sqlite.Stmt) error {
			all = append(all, aged{
				seq: s.ColumnInt64(0), first: s.ColumnInt64(1), deliveries: s.ColumnInt64(2),
				received: s.ColumnInt64(3), settled: s.ColumnInt64(4),
				pending: s.ColumnInt64(5), dead: s.ColumnInt64(6), quarantined: s.ColumnBool(7),
			})
			return nil
		}})
	return all, err
}

// deleteOp deletes events.
type deleteOp struct {
	opBase
	j      *Journal
	ranges []eventRange
	dead   map[string]int64 // deleted dead letters, by plugin
	events int
}

// eventRange is a range of events and of their deliveries, both inclusive.
type eventRange struct {
	from, to, first, last int64
	dead                  bool
}

// add extends the last range by the event if they are adjacent, or starts a new range.
func (o *deleteOp) add(e aged) {
	r := eventRange{e.seq, e.seq, e.first, e.first + e.deliveries - 1, e.dead > 0}
	if n := len(o.ranges); n > 0 {
		if p := &o.ranges[n-1]; p.to+1 == r.from && p.dead == r.dead {
			p.to, p.last = r.to, r.last
			return
		}
	}
	o.ranges = append(o.ranges, r)
}

// write deletes the ranges, except those with a dead letter that was re-driven in the meantime.
func (o *deleteOp) write(t *tx) error {
	o.events, o.dead = 0, make(map[string]int64)
	for _, r := range o.ranges {
		if r.dead {
			redriven, err := o.countDead(t.w.c, r)
			if err != nil {
				return err
			}
			if redriven {
				continue
			}
		}
		if err := r.delete(t.w.c); err != nil {
			return err
		}
		o.events += int(r.to - r.from + 1)
	}
	return execute(t.w.c, "UPDATE journal SET swept = swept + ?, last_event = ?, last_delivery = ?", o.events, t.event, t.delivery)
}

// delete deletes the events of the range with everything that belongs to them.
func (r *eventRange) delete(c *sqlite.Conn) error {
	if r.last >= r.first {
		for _, sql := range []string{
			"DELETE FROM attempt WHERE delivery BETWEEN ? AND ?",
			"DELETE FROM dead WHERE delivery BETWEEN ? AND ?",
			"DELETE FROM dropped WHERE delivery BETWEEN ? AND ?",
			"DELETE FROM delivery WHERE seq BETWEEN ? AND ?",
		} {
			if err := execute(c, sql, r.first, r.last); err != nil {
				return err
			}
		}
	}
	for _, sql := range []string{
		"DELETE FROM quarantine WHERE event BETWEEN ? AND ?",
		"DELETE FROM replay WHERE event BETWEEN ? AND ?",
		"DELETE FROM event WHERE seq BETWEEN ? AND ?",
	} {
		if err := execute(c, sql, r.from, r.to); err != nil {
			return err
		}
	}
	return nil
}

// countDead counts the dead letters of a range and reports whether one of them was re-driven since the sweep read it.
func (o *deleteOp) countDead(c *sqlite.Conn, r eventRange) (redriven bool, err error) {
	dead := make(map[string]int64)
	err = sqlitex.Execute(c, `SELECT p.name, d.state, count(*) FROM delivery d JOIN plugin p ON p.id = d.plugin
		WHERE d.seq BETWEEN ? AND ? AND d.state IN (0, 2) GROUP BY 1, 2`,
		&sqlitex.ExecOptions{Args: []any{r.first, r.last}, ResultFunc: func(s *sqlite.Stmt) error {
			redriven = redriven || s.ColumnInt64(1) == statePending
			dead[s.ColumnText(0)] = s.ColumnInt64(2)
			return nil
		}})
	if err != nil || redriven {
		return redriven, err
	}
	for name, n := range dead {
		o.dead[name] += n
	}
	return false, nil
}

func (o *deleteOp) committed() {
	for name, n := range o.dead {
		o.j.queue(name).dead.Add(-n)
	}
	o.j.space.events.Add(-int64(o.events))
}

func (o *deleteOp) failed() {}
