package sqlite

import (
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// A connection of its own checkpoints the write-ahead log while the writer continues. Under constant load it never reaches the
// end of a log that keeps growing. After a few passes, each shorter than the one before, the writer therefore checkpoints the
// rest between two transactions, and its next commit restarts the log from its beginning.

// Limits of one checkpoint: the number of passes, and the size of a pass in pages after which the writer does the rest.
const (
	checkpointPasses = 4
	checkpointRest   = 512
	// commitPages estimates how many pages a small transaction adds to the log besides its content.
	commitPages = 5
)

// wrote requests a checkpoint when enough was written since the last one.
func (w *writer) wrote() {
	if w.written < w.j.o.tuning.walBytes {
		return
	}
	if w.j.requestCheckpoint() {
		w.written = 0
	}
}

// requestCheckpoint returns false if one is already requested.
func (j *Journal) requestCheckpoint() bool {
	select {
	case j.checkpointDue <- struct{}{}:
		return true
	default:
		return false
	}
}

// runCheckpoints runs the requested checkpoints until the journal closes.
func (j *Journal) runCheckpoints() {
	for {
		select {
		case <-j.checkpointDue:
			if err := j.checkpoint(j.checkpointer); err != nil {
				j.o.Log.Error("journal cannot checkpoint its write-ahead log, which grows until that succeeds", "err", err)
			}
		case <-j.closing.Done():
			return
		}
	}
}

// checkpoint runs one checkpoint: passes beside the writer until a pass is small, then the writer's own.
func (j *Journal) checkpoint(c *sqlite.Conn) error {
	before := int64(0)
	for range checkpointPasses {
		_, done, err := passive(c)
		if err != nil || j.closing.Err() != nil {
			return err
		}
		// The next pass handles what was written during this one.
		if done-before <= checkpointRest {
			break
		}
		before = done
	}
	select {
	case j.w.finish <- struct{}{}:
	default:
	}
	return nil
}

// checkpoint checkpoints the rest of the log, between two transactions.
func (w *writer) checkpoint() {
	_, _, err := passive(w.c)
	if err == nil && w.j.space.volumeFull() {
		err = w.truncate()
	}
	if err != nil {
		w.j.o.Log.Error("journal cannot checkpoint its write-ahead log, which grows until that succeeds", "err", err)
	}
}

// truncate returns the log's space to the volume. It waits only briefly for readers; if it fails, the log keeps its size until
// the next checkpoint.
func (w *writer) truncate() error {
	w.c.SetBusyTimeout(100 * time.Millisecond)
	defer w.c.SetBusyTimeout(busyTimeout)
	return sqlitex.ExecuteTransient(w.c, "PRAGMA wal_checkpoint(TRUNCATE)", nil)
}

// passive checkpoints what it can without waiting for readers, and returns the length of the log and how much of it is in the
// file.
func passive(c *sqlite.Conn) (log, done int64, err error) {
	s, err := c.Prepare("PRAGMA wal_checkpoint(PASSIVE)")
	if err != nil {
		return 0, 0, err
	}
	if _, err := s.Step(); err != nil {
		return 0, 0, err
	}
	log, done = s.ColumnInt64(1), s.ColumnInt64(2)
	return log, done, s.Reset()
}
