package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"syscall"
	"time"
)

// startError explains why go-plugin's start failed. The process has ended.
func (i *instance) startError(ctx context.Context, err error) error {
	if cancelled(ctx) {
		return ctx.Err()
	}
	proc := i.run.process()
	if proc == nil {
		return execError(i.spec, err)
	}
	hello, _ := errors.AsType[*helloError](i.run.helloErr)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return i.refuse(ErrTimeout, fmt.Sprintf("%s did not start within %s", i.spec.Path, i.timing.start))
	case !i.run.wasKilled() && (hello == nil || hello.silent):
		return i.refuse(ErrExited, fmt.Sprintf("%s %s before it was ready", i.spec.Path, proc.status()))
	case hello != nil:
		return i.refuse(hello.reason, fmt.Sprintf("%s: %s", i.spec.Path, hello.detail))
	}
	return i.refuse(ErrHandshake, fmt.Sprintf("%s: %v", i.spec.Path, err))
}

// callError explains why a call during the start failed, and ends the process.
func (i *instance) callError(ctx context.Context, call string, err error) error {
	if !cancelled(ctx) && ctx.Err() == nil {
		select { // if the call failed because the process died, its exit status is the better explanation
		case <-i.run.proc.exited:
		case <-time.After(i.timing.exit):
		}
	}
	i.end()
	switch {
	case cancelled(ctx):
		return ctx.Err()
	case ctx.Err() != nil:
		return i.refuse(ErrTimeout, fmt.Sprintf("%s did not answer %s in time", i.spec.Path, call))
	case !i.run.wasKilled():
		return i.refuse(ErrExited, fmt.Sprintf("%s %s during %s", i.spec.Path, i.run.proc.status(), call))
	}
	return i.refuse(ErrContract, fmt.Sprintf("%s: %s: %v", i.spec.Path, call, err))
}

func (i *instance) refuse(reason error, detail string) error {
	if errors.Is(reason, ErrExited) {
		i.out.crashed()
	}
	return &StartError{Plugin: i.spec.Name, Path: i.spec.Path, Reason: reason, Detail: detail, Output: i.out.tail.excerpt()}
}

func cancelled(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

// execError explains why the kernel refused to run the program.
func execError(spec Spec, err error) error {
	detail := err.Error()
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		detail = fmt.Sprintf("%s cannot be run: %v", spec.Path, pathErr.Err)
	}
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		detail += fmt.Sprintf(": it is not built for this system (%s/%s)", runtime.GOOS, runtime.GOARCH)
	case errors.Is(err, fs.ErrNotExist):
		detail += ": the interpreter or loader that it needs is missing"
	}
	return &StartError{Plugin: spec.Name, Path: spec.Path, Reason: ErrNotExecutable, Detail: detail}
}
