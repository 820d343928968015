// Package testbed is what programs that put a router process to the test share: the process itself, an address for it, patience,
// and a look at its metrics and its plugins from outside.
package testbed

import (
	"context"
	"net"
	"os"
	"time"
)

// FreeAddress asks the kernel for a loopback host:port that nobody uses at the moment.
func FreeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// WorkDir makes the folder of a run and says how to remove it when it is not wanted any more: a folder that was asked for by
// name stays.
func WorkDir(dir, pattern string) (string, func() error, error) {
	if dir != "" {
		return dir, func() error { return nil }, os.MkdirAll(dir, 0o700)
	}
	dir, err := os.MkdirTemp("", pattern)
	return dir, func() error { return os.RemoveAll(dir) }, err
}

// Poll calls check until it says true, fails, or ctx ends.
func Poll(ctx context.Context, every time.Duration, check func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		ok, err := check()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
