// Package testbed holds what the subcommands share: the router as a process, polling, and access to metrics, journal and plugin
// processes.
package testbed

import (
	"context"
	"fmt"
	"os"
	"time"
)

// InDir calls f with the folder dir, or with a temporary one if dir is empty. It removes a temporary folder when f succeeds. After a
// failure the folder stays, and the error names it.
func InDir(dir, name string, f func(dir string) error) error {
	named := dir != ""
	var err error
	if named {
		err = os.MkdirAll(dir, 0o700)
	} else {
		dir, err = os.MkdirTemp("", "pointsman-"+name+"-")
	}
	if err != nil {
		return err
	}
	if err := f(dir); err != nil {
		return fmt.Errorf("%w (files in %s)", err, dir)
	}
	if named {
		return nil
	}
	return os.RemoveAll(dir)
}

// Poll calls check until it returns true or an error, or ctx ends.
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
