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
	for _, f := range []func(*sqlite.Conn) error{j.loadNumbers, j.loadQueues, j.loadRuns, j.loadTail} {
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
	return sqlitex.Execute(c, `SELECT id, max(last_event, ifnull((SELECT max(seq) FROM event), 0)),
		max(last_delivery, ifnull((SELECT max(seq) FROM delivery), 0)), swept FROM journal`,
		&sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			j.id = s.ColumnText(0)
			j.w.event, j.w.delivery = s.ColumnInt64(1), s.ColumnInt64(2)
			j.space.events.Store(s.ColumnInt64(1) - s.ColumnInt64(3))
			return nil
		}})
}

// loadQueues reads the counts of pending deliveries and dead letters of every plugin.
func (j *Journal) loadQueues(c *sqlite.Conn) error {
	return sqlitex.Execute(c, `SELECT name,
		(SELECT count(*) FROM delivery WHERE plugin = p.id AND state = 0),
		(SELECT ifnull(max(seq), 0) FROM delivery WHERE plugin = p.id AND state = 0),
		(SELECT count(*) FROM dead WHERE plugin = p.id) FROM plugin p`,
		&sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			q := j.queue(s.ColumnText(0))
			q.pending.Store(s.ColumnInt64(1))
			q.last = s.ColumnInt64(2)
			q.dead.Store(s.ColumnInt64(3))
			q.hasMoreOnDisk = q.pending.Load() > 0
			return nil
		}})
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
