package sqlite

import (
	"context"
	"slices"

	"zombiezen.com/go/sqlite"
)

// tidyBatch is how many rows one transaction deletes for tidy.
const tidyBatch = 500

// tidy goes through the blocks of all events. It adds the rows that table block lacks, and deletes the rows of blocks without events
// and the rows of table dispatch that no delivery used whose block of events is there: a router that is reloaded thousands of times
// makes as many.
//
// A row of dispatch may come into use again while tidy looks for its deliveries. Therefore the writer first forgets all rows and asks
// the file for each that it uses from then on; deleteDispatches spares what the writer knows, and does nothing if it has forgotten
// again.
func (j *Journal) tidy(ctx context.Context) error {
	var forgotten int
	var current int64
	if err := j.background(ctx, nil, func() {
		j.w.forgetDispatches()
		forgotten, current = j.w.forgotten, j.w.event>>blockBits
	}); err != nil {
		return err
	}
	used, filled, err := j.walkBlocks(ctx, current)
	if err != nil {
		return err
	}
	empty, err := j.selectIDs(ctx, "SELECT id FROM block WHERE id < ?", filled, current)
	if err != nil {
		return err
	}
	for ids := range slices.Chunk(empty, tidyBatch) {
		if err := j.background(ctx, func(t *tx) error { return deleteRows(t.w.c, "block", ids) }, nil); err != nil {
			return err
		}
	}
	// The highest generation stays, because Stats returns it.
	unused, err := j.selectIDs(ctx, "SELECT id FROM dispatch WHERE generation < (SELECT max(generation) FROM dispatch) AND id > ?", used, 0)
	if err != nil {
		return err
	}
	for ids := range slices.Chunk(unused, tidyBatch) {
		if err := j.background(ctx, func(t *tx) error { return t.w.deleteDispatches(ids, forgotten) }, nil); err != nil {
			return err
		}
	}
	return nil
}

// walkBlocks returns the ids of the rows of dispatch that deliveries use, and the numbers of the blocks that have events. It adds the
// rows that blocks before current lack.
func (j *Journal) walkBlocks(ctx context.Context, current int64) (used, filled map[int64]bool, err error) {
	used, filled = make(map[int64]bool), make(map[int64]bool)
	for id := int64(0); ; id++ {
		var missing *block
		more := true
		err := j.sweepConn.do(ctx, func(c *sqlite.Conn) (err error) {
			if id, err = nextBlock(c, id); err != nil || id < 0 {
				more = false
				return err
			}
			filled[id] = true
			missing, err = addUsed(c, id, used)
			return err
		})
		if err != nil || !more {
			return used, filled, err
		}
		if missing == nil || id >= current {
			continue
		}
		if err := j.background(ctx, func(t *tx) error { return missing.write(t.w.c) }, nil); err != nil {
			return used, filled, err
		}
	}
}

// nextBlock returns the first block from the number id on that has an event, -1 if none has.
func nextBlock(c *sqlite.Conn, id int64) (int64, error) {
	next := int64(-1)
	err := query(c, "SELECT seq FROM event WHERE seq >= ? ORDER BY seq LIMIT 1", func(s *sqlite.Stmt) error {
		next = s.ColumnInt64(0) >> blockBits
		return nil
	}, id<<blockBits)
	return next, err
}

// addUsed adds the ids of the rows of dispatch that a block's deliveries use. If the block has no row, it returns the block.
func addUsed(c *sqlite.Conn, id int64, used map[int64]bool) (missing *block, err error) {
	add := func(t term, _ func() eventSet) {
		if id, ok := t.dispatch(); ok {
			used[id] = true
		}
	}
	known := false
	err = query(c, "SELECT terms FROM block WHERE id = ?", func(s *sqlite.Stmt) error {
		known = true
		return eachTerm(columnBytes(s, 0), add)
	}, id)
	if err != nil || known {
		return nil, err
	}
	if missing, err = readBlock(c, id); err != nil {
		return nil, err
	}
	for t := range missing.terms {
		add(t, nil)
	}
	return missing, nil
}

// selectIDs returns the ids that a query with one parameter selects, except those in the set.
func (j *Journal) selectIDs(ctx context.Context, sql string, except map[int64]bool, arg int64) (ids []int64, err error) {
	err = j.sweepConn.do(ctx, func(c *sqlite.Conn) error {
		return query(c, sql, func(s *sqlite.Stmt) error {
			if id := s.ColumnInt64(0); !except[id] {
				ids = append(ids, id)
			}
			return nil
		}, arg)
	})
	return ids, err
}

// deleteDispatches deletes rows of table dispatch, except those that were used since the writer forgot them all for the given time.
func (w *writer) deleteDispatches(ids []int64, forgotten int) error {
	if w.forgotten != forgotten {
		return nil
	}
	known := make(map[int64]bool, len(w.dispatches))
	for _, id := range w.dispatches {
		known[id] = true
	}
	var unknown []int64
	for _, id := range ids {
		if !known[id] {
			unknown = append(unknown, id)
		}
	}
	return deleteRows(w.c, "dispatch", unknown)
}

func deleteRows(c *sqlite.Conn, table string, ids []int64) error {
	for _, id := range ids {
		if err := execute(c, "DELETE FROM "+table+" WHERE id = ?", id); err != nil {
			return err
		}
	}
	return nil
}
