package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

// Reader reads a journal that no router has open, or that another process has open. It changes nothing in the file and takes no lock
// that a router would wait for.
type Reader struct{ queries }

var _ journal.Reader = (*Reader)(nil)

// OpenReader opens the journal at path, which exists and has the newest format, for reading. ctx applies to the opening only.
func OpenReader(ctx context.Context, path string) (*Reader, error) {
	c, err := openExisting(ctx, path)
	if err != nil {
		return nil, err
	}
	r := &Reader{queries{conn: newReadConn(), searchTime: searchTime}}
	r.conn.c = c
	if r.id, _, err = readNumbers(c); err != nil {
		return nil, errors.Join(readError(path, err), r.Close())
	}
	return r, nil
}

// openExisting opens a connection that only reads a journal of the newest format.
func openExisting(ctx context.Context, path string) (*sqlite.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := requireReadable(path); err != nil {
		return nil, fmt.Errorf("open journal %s: %w", path, err)
	}
	if err := checkFile(path); err != nil {
		return nil, readError(path, err)
	}
	c, err := openReader(path)
	if err != nil {
		return nil, readError(path, err)
	}
	if err := requireNewest(c); err != nil {
		return nil, errors.Join(readError(path, err), c.Close())
	}
	return c, nil
}

// requireReadable refuses a file that does not exist, is empty, or may not be read. It does not open the file, because closing it
// again would drop the locks of a journal that this process has open.
func requireReadable(path string) error {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no such file: give the path of a journal")
	case err == nil && st.Mode().IsRegular() && st.Size() == 0:
		return errors.New("it is empty: give the path of a journal")
	case err == nil && unix.Access(path, unix.R_OK) != nil:
		return errors.New("this user may not read it: run the command as the user of the router")
	}
	return nil
}

// readError is openError for a journal that is only read.
func readError(path string, err error) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultCantOpen, sqlite.ResultReadOnly:
		return fmt.Errorf("open journal %s: SQLite cannot use its files -wal and -shm beside it: run the command as the user of the router, or copy the journal and its -wal to a folder of yours: %w",
			path, err)
	}
	return openError(path, err)
}

// requireNewest refuses a file that a router would migrate first.
func requireNewest(c *sqlite.Conn) error {
	version, err := pragma(c, "user_version")
	if err == nil && version < int64(len(migrations)) {
		err = fmt.Errorf("it was written by an older version of pointsman (format %d, this program reads %d): start the router once to bring it up to date",
			version, len(migrations))
	}
	return err
}

// Close releases the file.
func (r *Reader) Close() error { return r.conn.close() }

// Stats implements journal.Reader. It counts in the file. The limit is 0, because the file does not have it.
func (r *Reader) Stats(ctx context.Context) (st journal.Stats, err error) {
	err = r.ask(ctx, "read the journal's state", func(c *sqlite.Conn) error {
		if st, err = readStats(c); err != nil {
			return err
		}
		_, n, err := readNumbers(c)
		if err != nil {
			return err
		}
		st.Events = n.stored
		backlogs, err := readBacklogs(c)
		if err != nil {
			return err
		}
		for _, b := range backlogs {
			p := st.Plugins[b.plugin]
			p.Pending, p.Dead = b.pending, b.dead
			st.Plugins[b.plugin] = p
		}
		return query(c, "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size", func(s *sqlite.Stmt) error {
			st.Bytes = s.ColumnInt64(0)
			return nil
		})
	})
	return st, err
}
