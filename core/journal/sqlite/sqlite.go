// Package sqlite is the embedded engine of the journal: one SQLite file. One goroutine writes and commits everything that is
// waiting in one transaction (group commit, WAL, synchronous=FULL). Due deliveries are claimed from memory; the file is read
// only for late retries, for a backlog that exceeds memory, and at the start.
//
// The sqlite3 tool can read the file at any time, even while it is in use: see the views events, deliveries and attempts.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

// Options of a journal. Zero values mean the defaults.
type Options struct {
	// MaxBytes caps the live content of the file; the write-ahead log (about 64 MiB, less on a volume below 2.5 GiB) and free
	// pages come on top. The default is 10 GiB, and the effective cap never exceeds the room on the volume. Near it, settled
	// events are deleted before their Retention ends. Pending deliveries, dead letters and quarantined events are not: when
	// they fill the journal, Append returns journal.ErrFull.
	MaxBytes int64
	// Reserve is how much of the volume stays free: with less, Append returns journal.ErrFull, while settling continues. Free
	// pages inside the file count as free space until half of the reserve is used.
	// Default 5 % of the volume, at most 512 MiB; negative: none.
	Reserve int64
	// Retention is how long an event is kept after all its deliveries were settled, including dead letters and quarantined
	// events. Default 168 h.
	Retention time.Duration
	// DedupeWindow is the window of keys without one of their own. Default 24 h.
	DedupeWindow time.Duration
	// Log gets errors of background work, which no caller waits for. Default: nothing is logged.
	Log *slog.Logger
	// Metrics may be nil. One Metrics serves one journal.
	Metrics *Metrics

	tuning tuning
}

// tuning has values that only tests and benchmarks change.
type tuning struct {
	cacheBytes int64 // payloads in memory, all plugins together
	readyMax   int   // entries ready to be claimed in memory, per plugin
	indexMax   int   // entries in memory, per plugin, including those that wait for a time or their order
	refill     int   // rows read at a time
	runSize    int   // dedupe keys in memory before they become a run
	walBytes   int64 // bytes written between two checkpoints
	sweepEvery time.Duration
	searchTime time.Duration // of a list
	pageSize   int
}

func (o *Options) setDefaults() {
	def := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	def(&o.MaxBytes, 10<<30)
	def((*int64)(&o.Retention), int64(168*time.Hour))
	def((*int64)(&o.DedupeWindow), int64(24*time.Hour))
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	t := &o.tuning
	defInt := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	def(&t.cacheBytes, 64<<20)
	def((*int64)(&t.searchTime), int64(searchTime))
	def((*int64)(&t.sweepEvery), int64(min(max(o.Retention/100, time.Minute), time.Hour)))
	defInt(&t.readyMax, 50_000)
	defInt(&t.indexMax, 1_000_000)
	defInt(&t.refill, 10_000)
	defInt(&t.runSize, 1<<18)
	defInt(&t.pageSize, 8192)
}

// Journal is an open journal. Its goroutines start in Open and have ended when Close returns.
type Journal struct {
	queries // those of the methods of Reader
	o       Options
	path    string
	lock    *os.File

	w             *writer
	checkpointer  *sqlite.Conn  // for checkpoints
	checkpointDue chan struct{} // requests a checkpoint
	claimConn     readConn      // for claims, which must not wait for queries or sweeps
	sweepConn     readConn      // for sweeps, which must not wait for queries
	seen          *seen
	base          time.Time // when it was opened

	queues struct {
		sync.Mutex
		byName map[string]*queue
	}
	claimed struct {
		sync.Mutex
		bySeq map[int64]*item
	}
	cached atomic.Int64 // bytes of payloads in memory
	space  space

	closing   context.Context
	stop      context.CancelFunc
	wg        sync.WaitGroup
	closeOnce sync.Once
	closeErr  error
}

var _ journal.Store = (*Journal)(nil)

// Open opens the journal at path. It creates the file and its folder if they do not exist. It returns journal.ErrLocked if another
// process has the journal open. ctx applies to the opening only.
func Open(ctx context.Context, path string, o Options) (*Journal, error) {
	o.setDefaults()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, openError(path, err)
	}
	lock, err := lockFile(path)
	if err != nil {
		return nil, openError(path, err)
	}
	if o.tuning.walBytes == 0 {
		o.tuning.walBytes = walBytes(filepath.Dir(path))
	}
	j := &Journal{
		queries: queries{conn: newReadConn(), searchTime: o.tuning.searchTime}, claimConn: newReadConn(), sweepConn: newReadConn(),
		o: o, path: path, lock: lock, base: time.Now(), checkpointDue: make(chan struct{}, 1),
	}
	j.closing, j.stop = context.WithCancel(context.Background())
	if err := j.open(); err != nil {
		j.stop()
		return nil, errors.Join(openError(path, err), j.release())
	}
	j.start()
	return j, nil
}

// open checks the file, opens its connections and loads what must be in memory. After an error release closes what is open.
func (j *Journal) open() error {
	if err := checkFile(j.path); err != nil {
		return err
	}
	f, err := os.OpenFile(j.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	// Close it before SQLite opens it, because closing any descriptor of a file drops the process's POSIX locks on it.
	if err := f.Close(); err != nil {
		return err
	}
	c, err := openConn(j.path, j.o.tuning.pageSize, j.o.tuning.walBytes)
	if err != nil {
		return err
	}
	j.w = newWriter(j, c)
	if err := migrate(c); err != nil {
		return err
	}
	// The directory entry of a new file must survive power loss like its content.
	if err := syncDir(filepath.Dir(j.path)); err != nil {
		return err
	}
	if err := j.load(c); err != nil {
		return err
	}
	if j.checkpointer, err = openConn(j.path, 0, j.o.tuning.walBytes); err != nil {
		return err
	}
	for _, r := range []*readConn{&j.conn, &j.claimConn, &j.sweepConn} {
		if r.c, err = openReader(j.path); err != nil {
			return err
		}
	}
	return nil
}

// busyTimeout is how long a connection waits while an operator writes with the sqlite3 tool.
const busyTimeout = 10 * time.Second

// openConn opens a connection that writes. pageSize matters for a new file only; logLimit is the size to which a restarted log
// shrinks its file.
func openConn(path string, pageSize int, logLimit int64) (*sqlite.Conn, error) {
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		return nil, err
	}
	c.SetBusyTimeout(busyTimeout)
	script := fmt.Sprintf(`PRAGMA page_size = %d; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
		PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = %d; PRAGMA cache_size = -32768;`, pageSize, logLimit)
	return configure(c, script)
}

// openReader opens a connection that only reads.
func openReader(path string) (*sqlite.Conn, error) {
	c, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	if err != nil {
		return nil, err
	}
	c.SetBusyTimeout(busyTimeout)
	return configure(c, "PRAGMA cache_size = -8192; PRAGMA query_only = 1;")
}

func configure(c *sqlite.Conn, script string) (*sqlite.Conn, error) {
	if err := execAll(c, script+" PRAGMA temp_store = MEMORY;"); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (j *Journal) start() {
	if j.o.Metrics != nil {
		j.o.Metrics.attach(j)
	}
	j.wg.Go(j.runCheckpoints)
	j.wg.Go(j.runSweeps)
	j.w.start()
}

// Close implements journal.Journal.
func (j *Journal) Close() error {
	j.closeOnce.Do(func() {
		j.stop()
		<-j.w.exited
		j.wg.Wait()
		if j.o.Metrics != nil {
			j.o.Metrics.detach(j)
		}
		j.closeErr = j.release()
	})
	return j.closeErr
}

// release closes what open has opened. Closing the last connection checkpoints the write-ahead log.
func (j *Journal) release() error {
	var errs []error
	for _, r := range []*readConn{&j.conn, &j.claimConn, &j.sweepConn} {
		errs = append(errs, r.close())
	}
	if j.checkpointer != nil {
		errs = append(errs, j.checkpointer.Close())
	}
	if j.w != nil {
		errs = append(errs, j.w.c.Close())
	}
	errs = append(errs, j.lock.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close journal: %w", err)
	}
	return nil
}
