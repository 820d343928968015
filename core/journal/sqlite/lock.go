package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/pointsman/pointsman/core/journal"
)

// lockFile takes <path>.lock for this process, and writes our pid into it. A lock of its own, and not SQLite's exclusive
// mode, so that the sqlite3 tool can read the journal while it is in use. The file stays when the lock is released:
// removing it would let two processes hold two different files of one name.
func lockFile(path string) (*os.File, error) {
	name := path + ".lock"
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w (%s)", journal.ErrLocked, holder(f))
		}
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	// The pid is for people only; a full volume must not keep the router from starting.
	writePID(f) //nolint:errcheck // see above
	return f, nil
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

// holder names the process that wrote its pid into a lock file.
func holder(f *os.File) string {
	b, err := io.ReadAll(io.LimitReader(f, 32))
	if pid := strings.TrimSpace(string(b)); err == nil && pid != "" {
		return "process " + pid
	}
	return "another process"
}
