// Package server runs servers as processes of their own, for tests, trials and benchmarks.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"syscall"
	"time"
)

// The limits are generous, because the machine may be compiling at the same time.
const (
	startLimit = time.Minute
	stopLimit  = time.Minute
)

// Process is a running server.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // of cmd.Wait, once ended is closed
}

// FreeAddress returns a loopback host:port that is free at the moment. Another process may take it before the caller does.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Start runs cmd and returns when url responds with a status below 500. It kills a server that does not within a minute.
func Start(ctx context.Context, cmd *exec.Cmd, url string) (*Process, error) {
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &Process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	if err := p.wait(ctx, url); err != nil {
		_ = p.Kill() // it may have ended
		return nil, fmt.Errorf("%s is not ready: %w", cmd.Path, err)
	}
	return p, nil
}

func (p *Process) wait(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		ready := isReady(ctx, url)
		select {
		case <-p.ended: // also if another process has the port, and is ready
			return fmt.Errorf("it ended (%s)", p.cmd.ProcessState)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if ready {
				return nil
			}
		}
	}
}

// isReady returns false as long as nothing listens.
func isReady(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	req.Close = true // no connection may outlive the server
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode < http.StatusInternalServerError
}

// PID returns the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process with SIGKILL. It returns an error if the process has already ended.
func (p *Process) Kill() error {
	err := p.cmd.Process.Kill()
	<-p.ended
	if err != nil {
		return fmt.Errorf("%s has already ended: %w", p.cmd.Path, err)
	}
	return nil
}

// Stop sends SIGTERM and waits for the end. After a minute it kills the process, which is an error. So is an exit code other than 0,
// but not the end by the signal of a program without a handler.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	timer := time.NewTimer(stopLimit)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		return errors.Join(fmt.Errorf("%s did not stop within %s", p.cmd.Path, stopLimit), p.Kill())
	}
	var exit *exec.ExitError
	if errors.As(p.err, &exit) && !exit.Exited() {
		return nil
	}
	if p.err != nil {
		return fmt.Errorf("%s did not stop cleanly: %w", p.cmd.Path, p.err)
	}
	return nil
}
