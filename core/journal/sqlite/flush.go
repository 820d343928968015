package sqlite

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Limits of the rows that one transaction writes or deletes for a run.
const (
	chunkBatch = 64
	tailBatch  = 2000
)

// flushSeen writes the keys in memory as a run, in batches between other commits.
func (j *Journal) flushSeen(ctx context.Context) error {
	s := j.seen
	var id, tail int64
	if err := j.background(ctx, nil, func() {
		if len(s.recent) < s.size { // requested twice
			return
		}
		s.flushing, s.recent = s.recent, make(map[keyHash]seenEntry)
		if id = 1; len(s.runs) > 0 {
			id = s.runs[len(s.runs)-1].id + 1
		}
		tail = j.w.tailID
	}); err != nil {
		return err
	}
	if id == 0 {
		return nil
	}
	if err := j.writeRun(ctx, id); err != nil {
		return errors.Join(err, j.background(context.Background(), nil, s.abortFlush))
	}
	return j.trimTail(ctx, tail)
}

// abortFlush abandons an unfinished run.
func (s *seen) abortFlush() {
	maps.Copy(s.flushing, s.recent)
	s.recent, s.flushing = s.flushing, nil
}

// writeRun writes the chunks of a run in batches and then registers the run, each in a transaction shared with other ops.
func (j *Journal) writeRun(ctx context.Context, id int64) error {
	r, chunks := buildRun(id, j.seen.flushing)
	for len(chunks) > 0 {
		n := min(chunkBatch, len(chunks))
		batch := chunks[:n]
		chunks = chunks[n:]
		if err := j.background(ctx, func(t *tx) error {
			for _, ch := range batch {
				if err := execute(t.w.c, "INSERT OR REPLACE INTO seen_chunk VALUES(?,?)", ch.id, ch.entries); err != nil {
					return err
				}
			}
			return nil
		}, nil); err != nil {
			return err
		}
	}
	return j.background(ctx, func(t *tx) error {
		return execute(t.w.c, "INSERT INTO seen_run VALUES(?,?,?,?,?)", r.id, int64(r.bits), r.last, int64(r.expires), []byte(r.filter))
	}, func() {
		s := j.seen
		s.runs = append(slices.Clip(s.runs), r)
		s.flushing = nil
	})
}

// trimTail deletes the rows of seen_tail whose keys are now in a run.
func (j *Journal) trimTail(ctx context.Context, to int64) error {
	from := int64(0)
	err := j.sweepConn.do(ctx, func(c *sqlite.Conn) error {
		var err error
		from, err = sqlitex.ResultInt64(c.Prep("SELECT ifnull(min(id), 0) FROM seen_tail"))
		return err
	})
	for i := from; err == nil && i <= to; i += tailBatch {
		err = j.background(ctx, func(t *tx) error {
			return execute(t.w.c, "DELETE FROM seen_tail WHERE id BETWEEN ? AND ?", i, min(to, i+tailBatch-1))
		}, nil)
	}
	return err
}

// dropRuns deletes the runs whose windows have ended and whose events are deleted.
func (j *Journal) dropRuns(ctx context.Context) error {
	now := uint32(time.Now().Unix())
	oldest := int64(0)
	if err := j.sweepConn.do(ctx, func(c *sqlite.Conn) error {
		var err error
		oldest, err = sqlitex.ResultInt64(c.Prep("SELECT ifnull(min(seq), 1<<62) FROM event"))
		return err
	}); err != nil {
		return err
	}
	var runs []*run
	if err := j.background(ctx, nil, func() { runs = j.seen.runs }); err != nil {
		return err
	}
	for _, r := range runs {
		if r.expires > now || r.last >= oldest {
			continue
		}
		if err := j.dropRun(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// dropRun deletes the chunks first: a registered run that lacks some has expired anyway.
func (j *Journal) dropRun(ctx context.Context, r *run) error {
	for i := int64(0); i < 1<<r.bits; i += tailBatch {
		if err := j.background(ctx, func(t *tx) error {
			return execute(t.w.c, "DELETE FROM seen_chunk WHERE id BETWEEN ? AND ?", r.id<<20+i, r.id<<20+min(i+tailBatch, 1<<r.bits)-1)
		}, nil); err != nil {
			return err
		}
	}
	return j.background(ctx, func(t *tx) error {
		return execute(t.w.c, "DELETE FROM seen_run WHERE id = ?", r.id)
	}, func() {
		s := j.seen
		var rest []*run
		for _, other := range s.runs {
			if other != r {
				rest = append(rest, other)
			}
		}
		s.runs = rest
	})
}

// funcOp is background work for the writer.
type funcOp struct {
	opBase
	do   func(t *tx) error
	then func() // after the commit; may be nil
}

func (o *funcOp) write(t *tx) error { return o.do(t) }
func (o *funcOp) committed() {
	if o.then != nil {
		o.then()
	}
}
func (o *funcOp) failed() {}

// background runs do inside a transaction and then after its commit, both in the writer's goroutine. Either may be nil.
func (j *Journal) background(ctx context.Context, do func(*tx) error, then func()) error {
	if do == nil {
		do = func(*tx) error { return nil }
	}
	return j.w.do(ctx, &funcOp{do: do, then: then})
}
