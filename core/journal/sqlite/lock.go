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

// lockFile locks <path>.lock for this process and writes its pid into it. A separate lock, instead of SQLite's exclusive mode, lets
// the sqlite3 tool read the journal while it is in use. The file stays when the lock is released, because removing it would let
// two processes lock two different files with the same name.
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
	// The pid is only for people, so a full volume must not keep the router from starting.
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
