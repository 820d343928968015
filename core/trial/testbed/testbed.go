// Package testbed is what the subcommands share: the router as a process, polling, and a look at metrics, journal
// and plugin processes from outside.
package testbed

import (
	"context"
	"fmt"
	"os"
	"time"
)

// InDir runs f in the folder dir, or in a temporary one when dir is empty. A temporary folder is removed when f succeeds; after a
// failure it stays, and the error names it.
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
		return fmt.Errorf("%w; the files are in %s", err, dir)
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
