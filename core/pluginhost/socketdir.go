package pluginhost

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// socketName is the longest name that go-plugin gives a socket.
const socketName = "plugin4294967295"

// makeSocketDir makes a folder that only this user can enter, for the socket of one process. The caller removes it.
func makeSocketDir(base string) (string, error) {
	if base == "" {
		// systemd lists several, separated by colons
		base, _, _ = strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":")
	}
	if base == "" {
		base = os.TempDir()
	}
	dir, err := os.MkdirTemp(base, "pointsman-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the plugin's socket in %s (RUNTIME_DIRECTORY or TMPDIR choose another place): %w", base, err)
	}
	if n := len(filepath.Join(dir, socketName)); n > maxSocketPath {
		_ = os.Remove(dir)
		return "", fmt.Errorf("the socket's path in %s would have %d bytes, more than the %d that a socket may have: set RUNTIME_DIRECTORY or TMPDIR to a shorter path", dir, n, maxSocketPath)
	}
	return dir, nil
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
