package pluginhost

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// socketName is the longest name that go-plugin gives a socket.
const socketName = "plugin4294967295"

const socketDirPrefix = "pointsman-socket-"

var socketDirForm = regexp.MustCompile("^" + socketDirPrefix + "[0-9]+$")

// socketDir is a folder that only this user can enter, for the socket of one process. Its router holds a lock on it, so that
// the next router recognises and removes the folders of one that was killed.
type socketDir struct {
	path string
	lock *os.File
}

// makeSocketDir makes a folder in base, or in the system's place for such folders, and removes those that killed routers
// left there.
func makeSocketDir(base string) (*socketDir, error) {
	if base == "" {
		// systemd lists several, separated by colons
		base, _, _ = strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":")
	}
	if base == "" {
		base = os.TempDir()
	}
	longest := filepath.Join(base, socketDirPrefix+"4294967295", socketName)
	if n := len(longest); n > maxSocketPath {
		return nil, fmt.Errorf("the path of the plugin's socket in %s would have %d bytes, more than the %d that a socket may have: set RUNTIME_DIRECTORY or TMPDIR to a shorter path", base, n, maxSocketPath)
	}
	sweepSocketDirs(base)
	d, err := lockedDir(base)
	if err != nil {
		return nil, fmt.Errorf("make a folder for the plugin's socket (RUNTIME_DIRECTORY or TMPDIR choose another place): %w", err)
	}
	return d, nil
}

// lockedDir makes a folder and locks it before it gets its final name, so that no other router sweeps it in between.
func lockedDir(base string) (*socketDir, error) {
	hidden, err := os.MkdirTemp(base, "."+socketDirPrefix)
	if err != nil {
		return nil, err
	}
	d := &socketDir{path: filepath.Join(base, strings.TrimPrefix(filepath.Base(hidden), "."))}
	if d.lock, err = lockDir(hidden); err == nil {
		err = os.Rename(hidden, d.path)
	}
	if err != nil {
		_ = os.Remove(hidden)
		_ = d.lock.Close() // returns an error if lock is nil
		return nil, err
	}
	return d, nil
}

// lockDir fails when another router, or another plugin of this one, holds the folder.
func lockDir(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// remove removes the folder and what is in it.
func (d *socketDir) remove() {
	_ = os.RemoveAll(d.path)
	_ = d.lock.Close()
}

// sweepSocketDirs removes the folders that no router holds any more. It leaves folders that contain anything but go-plugin's
// sockets.
func sweepSocketDirs(base string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return // making the folder will report the error
	}
	for _, e := range entries {
		path := filepath.Join(base, e.Name())
		if !e.IsDir() || !socketDirForm.MatchString(e.Name()) || !onlySockets(path) {
			continue
		}
		if lock, err := lockDir(path); err == nil {
			(&socketDir{path, lock}).remove()
		}
	}
}

// onlySockets reports whether a folder contains nothing but sockets; false if it belongs to another user.
func onlySockets(dir string) bool {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "plugin") {
			return false
		}
	}
	return err == nil
}

// inDir reports whether the path lies directly in dir, whatever symbolic links lead there.
func inDir(path, dir string) bool {
	parent := filepath.Dir(path)
	if parent == filepath.Clean(dir) {
		return true
	}
	a, errA := filepath.EvalSymlinks(parent)
	b, errB := filepath.EvalSymlinks(dir)
	return errA == nil && errB == nil && a == b
}
