package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

// openError names the journal that cannot be opened and, where the cause is known, what to do about it.
func openError(path string, err error) error {
	advice := openAdvice(path, err)
	if advice != "" {
		return fmt.Errorf("open journal %s: %s: %w", path, advice, err)
	}
	return fmt.Errorf("open journal %s: %w", path, err)
}

// openAdvice returns what is wrong and what to do about it, or "" if the cause is unknown.
func openAdvice(path string, err error) string {
	if info, statErr := os.Stat(path); statErr == nil && !info.Mode().IsRegular() {
		return "it is not a file: give another path"
	}
	switch {
	case errors.Is(err, journal.ErrLocked):
		return "stop the other router, or give another path"
	case errors.Is(err, syscall.ENOTDIR):
		return "a part of its path is a file: give another path"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not write there: change the owner, or give another path"
	case errors.Is(err, syscall.EROFS):
		return "the file system is read-only: mount it for writing, or give another path"
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full: free some space, or give another path"
	}
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultNotADB, sqlite.ResultCorrupt:
		return "it is damaged or not a journal: restore it from a backup, or give another path"
	case sqlite.ResultFull:
		return "the disk is full: free some space, or give another path"
	case sqlite.ResultBusy, sqlite.ResultLocked:
		return "another program holds it: end that program (an sqlite3 tool?)"
	}
	return ""
}
