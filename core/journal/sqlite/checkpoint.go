package sqlite

import (
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// The write-ahead log is folded into the file by a connection of its own while the writer goes on. Under constant load it
// never reaches the end of a log that keeps growing, so after a few passes, each shorter than the one before, the writer
// does the little that is left between two transactions; the next commit then starts the log over from its beginning.

// Passes of one checkpoint, and after how small a one (in pages) the writer does the rest.
const (
	checkpointPasses = 4
	checkpointRest   = 512
	// commitPages is about how many pages a small transaction adds to the log beside its content.
	commitPages = 5
)

// wrote asks for a checkpoint when enough has been written since the last one.
func (w *writer) wrote() {
	if w.written < w.j.o.tuning.walBytes {
		return
	}
	if w.j.requestCheckpoint() {
		w.written = 0
	}
}

// requestCheckpoint returns false when one is already under way.
func (j *Journal) requestCheckpoint() bool {
	select {
	case j.checkpointDue <- struct{}{}:
		return true
	default:
		return false
	}
}

// runCheckpoints serves wrote until the journal closes.
func (j *Journal) runCheckpoints() {
	for {
		select {
		case <-j.checkpointDue:
			if err := j.checkpoint(j.checkpointer); err != nil {
				j.o.Log.Error("journal cannot fold its write-ahead log; it grows until that succeeds", "err", err)
			}
		case <-j.closing.Done():
			return
		}
	}
}

func (j *Journal) checkpoint(c *sqlite.Conn) error {
	before := int64(0)
	for range checkpointPasses {
		_, done, err := passive(c)
		if err != nil || j.closing.Err() != nil {
			return err
		}
		// The next pass has about as much to do as was written during this one.
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

// checkpoint folds the rest, between two transactions.
func (w *writer) checkpoint() {
	_, _, err := passive(w.c)
	if err == nil && w.j.space.volumeFull() {
		err = w.truncate()
	}
	if err != nil {
		w.j.o.Log.Error("journal cannot fold its write-ahead log; it grows until that succeeds", "err", err)
	}
}

// truncate gives the log's space back to the volume. It waits only briefly for readers; without success the log stays as
// long as it is until the next checkpoint.
func (w *writer) truncate() error {
	w.c.SetBusyTimeout(100 * time.Millisecond)
	defer w.c.SetBusyTimeout(busyTimeout)
	return sqlitex.ExecuteTransient(w.c, "PRAGMA wal_checkpoint(TRUNCATE)", nil)
}

// passive folds what it can without waiting for anyone, and returns how long the log is and how much of it is folded.
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
