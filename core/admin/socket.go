package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// ListenSocket listens on the unix socket at path, which only this user may open from the moment it exists. The caller holds the
// lock of the journal, so a socket that is there already was left behind by a router that was killed, and is replaced; a file of
// another kind is not touched. Closing the listener removes the file.
func ListenSocket(path string) (net.Listener, error) {
	if err := CheckSocket(path); err != nil {
		return nil, fmt.Errorf("admin.socket: %w", err)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: private}
	l, err := config.Listen(context.Background(), "unix", path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("admin.socket: the folder of %s does not exist: create it, or set another path", path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("admin.socket: this user may not create %s: set another path", path)
	case err != nil:
		return nil, fmt.Errorf("admin.socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // in case the umask took even more away
		return nil, errors.Join(fmt.Errorf("admin.socket: %w", err), l.Close())
	}
	return l, nil
}

// CheckSocket returns an error if a unix socket cannot have the path because it is too long.
func CheckSocket(path string) error {
	if limit := len(syscall.RawSockaddrUnix{}.Path) - 1; len(path) > limit {
		return fmt.Errorf("the path %s has %d bytes, and a unix socket's may have %d: set admin.socket to a shorter one", path, len(path), limit)
	}
	return nil
}

// removeStale removes a socket to which nobody listens.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("admin.socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("admin.socket: %s is a file that is no socket: remove it, or set another path", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		if err == nil {
			_ = c.Close() // it was opened only to learn whether somebody listens
		}
		return fmt.Errorf("admin.socket: another program listens on %s: stop it, or set another path", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("admin.socket: %w", err)
	}
	return nil
}
