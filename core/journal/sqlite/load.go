package sqlite

import (
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// load reads what must be in memory: numbers, counts and dedupe keys. Pending deliveries are loaded when their plugin first
// claims.
func (j *Journal) load(c *sqlite.Conn) error {
	j.seen = newSeen(j.o.tuning.runSize)
	j.queues.byName = make(map[string]*queue)
	j.claimed.bySeq = make(map[int64]*item)
	pageSize, err := pragma(c, "page_size")
	if err != nil {
		return err
	}
	j.space.j, j.space.pageSize, j.space.pressed = j, pageSize, make(chan struct{}, 1)
	for _, f := range []func(*sqlite.Conn) error{j.loadNumbers, j.loadQueues, j.loadRuns, j.loadTail, j.loadBlock} {
		if err := f(c); err != nil {
			return err
		}
	}
	if err := j.w.s.prepare(c); err != nil {
		return err
	}
	j.space.measure()
	used, err := j.w.s.used()
	j.space.setUsed(used)
	return err
}

// loadNumbers reads the journal's id, the last numbers and the count of events.
func (j *Journal) loadNumbers(c *sqlite.Conn) error {
	id, n, err := readNumbers(c)
	j.id, j.w.event, j.w.delivery = id, n.event, n.delivery
	j.space.events.Store(n.stored)
	return err
}

// loadQueues reads the counts of pending deliveries and dead letters of every plugin.
func (j *Journal) loadQueues(c *sqlite.Conn) error {
	backlogs, err := readBacklogs(c)
	for _, b := range backlogs {
		q := j.queue(b.plugin)
		q.pending.Store(b.pending)
		q.dead.Store(b.dead)
		q.last = b.last
		q.hasMoreOnDisk = b.pending > 0
	}
	return err
}

// loadRuns reads the filters of the runs of dedupe keys.
func (j *Journal) loadRuns(c *sqlite.Conn) error {
	last := int64(0)
	err := sqlitex.Execute(c, "SELECT id, bits, last_event, expires, filter FROM seen_run ORDER BY id",
		&sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			r := &run{id: s.ColumnInt64(0), bits: uint(s.ColumnInt64(1)), last: s.ColumnInt64(2), expires: uint32(s.ColumnInt64(3)), filter: columnBytes(s, 4)}
			j.seen.runs = append(j.seen.runs, r)
			last = r.id
			return nil
		}})
	if err != nil {
		return err
	}
	// Chunks of an unfinished run.
	return sqlitex.Execute(c, "DELETE FROM seen_chunk WHERE id >= ?", &sqlitex.ExecOptions{Args: []any{(last + 1) << 20}})
}

// loadTail reads the dedupe keys that are not in a run yet.
func (j *Journal) loadTail(c *sqlite.Conn) error {
	return sqlitex.Execute(c, "SELECT id, entries FROM seen_tail ORDER BY id",
		&sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			j.w.tailID = s.ColumnInt64(0)
			for b := columnBytes(s, 1); len(b) >= seenBytes; b = b[seenBytes:] {
				h, e := decodeSeen(b)
				j.seen.recent[h] = e
			}
			return nil
		}})
}

// loadBlock reads the block of the last event, which may be incomplete.
func (j *Journal) loadBlock(c *sqlite.Conn) (err error) {
	j.w.blocks.current, err = readBlock(c, j.w.event>>blockBits)
	return err
}
