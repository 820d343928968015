package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

// Claim implements journal.Journal.
func (j *Journal) Claim(ctx context.Context, plugin string, max int) ([]journal.Delivery, error) {
	if max < 1 {
		return nil, fmt.Errorf("claim deliveries of %s: max is %d, must be at least 1", plugin, max)
	}
	q := j.queue(plugin)
	for {
		if err := j.ended(ctx); err != nil {
			return nil, err
		}
		more, err := j.refill(q)
		if err != nil {
			return nil, j.claimErr(plugin, err)
		}
		taken, due := q.take(j.clock(), max)
		if len(taken) > 0 {
			ds, err := j.handOut(q, taken)
			if err != nil {
				return nil, j.claimErr(plugin, err)
			}
			if len(ds) > 0 {
				return ds, nil
			}
			continue
		}
		if more {
			continue
		}
		if err := j.await(ctx, q, due); err != nil {
			return nil, err
		}
	}
}

func (j *Journal) claimErr(plugin string, err error) error {
	if j.closing.Err() != nil {
		return journal.ErrClosed
	}
	return fmt.Errorf("claim deliveries of %s: %w", plugin, err)
}

// ended returns why a claim must not continue, or nil.
func (j *Journal) ended(ctx context.Context) error {
	if j.closing.Err() != nil {
		return journal.ErrClosed
	}
	return ctx.Err()
}

// await waits until the queue changes or the clock reaches due.
func (j *Journal) await(ctx context.Context, q *queue, due int64) error {
	var alarm <-chan time.Time
	if due > 0 {
		t := time.NewTimer(time.Duration(due - j.clock()))
		defer t.Stop()
		alarm = t.C
	}
	select {
	case <-q.wake:
	case <-alarm:
	case <-ctx.Done():
	case <-j.closing.Done():
	}
	return j.ended(ctx)
}

// handOut turns entries into deliveries and reads payloads that are not in memory.
func (j *Journal) handOut(q *queue, taken []entry) ([]journal.Delivery, error) {
	if err := j.fetch(q, taken); err != nil {
		q.unclaim(taken)
		return nil, err
	}
	ds := make([]journal.Delivery, 0, len(taken))
	j.claimed.Lock()
	defer j.claimed.Unlock()
	for _, e := range taken {
		it := e.item
		it.keyQueue, it.settling = e.keyQueue, false
		it.d.Attempt++
		if it.d.ID == "" {
			it.d.ID = j.deliveryID(e.seq)
		}
		if it.d.Attempt > 1 && j.o.Metrics != nil {
			j.o.Metrics.redelivered.Inc()
		}
		j.claimed.bySeq[e.seq] = it
		ds = append(ds, it.d)
	}
	return ds, nil
}

// fetch fills in the items that are not in memory.
func (j *Journal) fetch(q *queue, taken []entry) error {
	missing := false
	for _, e := range taken {
		missing = missing || e.item == nil
	}
	if !missing {
		return nil
	}
	return j.claimConn.do(context.Background(), func(c *sqlite.Conn) error {
		stmt, err := c.Prepare(`SELECT d.event, e.id, e.source, x.rule, d.attempts, e.envelope, d.arguments, d.order_key,
			x.max_attempts, x.max_age, x.min_backoff, x.max_backoff, x.timeout, ifnull(d.redriven, e.received), d.prior, d.state
			FROM delivery d JOIN event e ON e.seq = d.event JOIN dispatch x ON x.id = d.dispatch WHERE d.seq = ?`)
		if err != nil {
			return err
		}
		for i := range taken {
			if taken[i].item != nil {
				continue
			}
			it, err := readItem(stmt, taken[i].seq)
			if err != nil {
				return err
			}
			it.q, it.d.Plugin = q, q.plugin
			j.cached.Add(it.size)
			taken[i].item = it
		}
		return nil
	})
}

// readItem reads one pending delivery with its payload.
func readItem(s *sqlite.Stmt, seq int64) (*item, error) {
	s.BindInt64(1, seq)
	row, err := s.Step()
	if err != nil {
		return nil, err
	}
	if !row || s.ColumnInt64(15) != statePending {
		return nil, errors.Join(fmt.Errorf("delivery %d is pending but not in the file: %w", seq, journal.ErrNotFound), s.Reset())
	}
	it := &item{prior: s.ColumnInt(14), d: journal.Delivery{
		Seq: seq, Event: s.ColumnInt64(0), EventID: s.ColumnText(1), Source: s.ColumnText(2), Rule: s.ColumnText(3),
		Attempt: s.ColumnInt(4), Envelope: columnBytes(s, 5), Arguments: columnBytes(s, 6), OrderKey: s.ColumnText(7),
		Policy: columnPolicy(s, 8), Received: columnTime(s, 13),
	}}
	it.size = itemBytes(&it.d)
	return it, s.Reset()
}

func columnBytes(s *sqlite.Stmt, col int) []byte {
	b := make([]byte, s.ColumnLen(col))
	s.ColumnBytes(col, b)
	return b
}

// columnTime is a time, zero for NULL and 0.
func columnTime(s *sqlite.Stmt, col int) time.Time {
	if ns := s.ColumnInt64(col); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// columnPolicy reads a policy from five columns, beginning with col.
func columnPolicy(s *sqlite.Stmt, col int) journal.Policy {
	return journal.Policy{
		MaxAttempts: s.ColumnInt(col),
		MaxAge:      time.Duration(s.ColumnInt64(col + 1)),
		MinBackoff:  time.Duration(s.ColumnInt64(col + 2)),
		MaxBackoff:  time.Duration(s.ColumnInt64(col + 3)),
		Timeout:     time.Duration(s.ColumnInt64(col + 4)),
	}
}

// refill reads the next entries beyond loadedUpTo if there is room, and reports whether more may follow.
func (j *Journal) refill(q *queue) (more bool, err error) {
	q.loading.Lock()
	defer q.loading.Unlock()
	q.mu.Lock()
	from, want := q.loadedUpTo, q.hasMoreOnDisk && q.ready() < j.o.tuning.readyMax/2 && !q.full()
	q.mu.Unlock()
	if !want {
		return false, nil
	}
	var rows []loaded
	if err := j.claimConn.do(context.Background(), func(c *sqlite.Conn) error {
		rows, err = readEntries(c, q.plugin, from, j.o.tuning.refill)
		return err
	}); err != nil {
		return false, err
	}
	return q.extend(rows, j.clock()), nil
}

// loaded is an entry read from the file.
type loaded struct {
	entry
	key string
}

// readEntries reads up to limit pending deliveries of a plugin, in order, from the number from on.
func readEntries(c *sqlite.Conn, plugin string, from int64, limit int) (_ []loaded, err error) {
	s, err := c.Prepare(`SELECT seq, due, order_key FROM delivery
		WHERE state = 0 AND plugin = (SELECT id FROM plugin WHERE name = ?) AND seq > ? ORDER BY seq LIMIT ?`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Reset()) }()
	s.BindText(1, plugin)
	s.BindInt64(2, from)
	s.BindInt64(3, int64(limit))
	var rows []loaded
	for {
		row, err := s.Step()
		if err != nil || !row {
			return rows, err
		}
		rows = append(rows, loaded{entry{seq: s.ColumnInt64(0), due: s.ColumnInt64(1)}, s.ColumnText(2)})
	}
}

// extend adds the rows and moves loadedUpTo past them.
func (q *queue) extend(rows []loaded, now int64) (more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range rows {
		e := &rows[i].entry
		q.loadedUpTo = e.seq
		if !q.enter(e, rows[i].key) {
			continue
		}
		if e.due > now {
			q.offer(*e, now)
		} else {
			q.newEntries.push(*e)
		}
	}
	if q.loadedUpTo >= q.last || len(rows) == 0 {
		q.loadedUpTo, q.hasMoreOnDisk = max(q.loadedUpTo, q.last), false
	}
	return q.hasMoreOnDisk
}
