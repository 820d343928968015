package testbed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"syscall"
	"time"
)

// Process is a server that was started from outside and can be stopped or killed.
type Process struct{ cmd *exec.Cmd }

// Start runs cmd and returns when url answers anything but "not ready" (503). A server that does not within 20 s is killed.
func Start(ctx context.Context, cmd *exec.Cmd, url string) (*Process, error) {
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s (is it built? make build): %w", cmd.Path, err)
	}
	p := &Process{cmd: cmd}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := Poll(ctx, 10*time.Millisecond, func() (bool, error) { return ready(ctx, url), nil }); err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not get ready: %w", cmd.Path, err), p.Kill())
	}
	return p, nil
}

// ready is false also while nothing listens yet.
func ready(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode != http.StatusServiceUnavailable
}

// PID of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process with SIGKILL. It is an error when it had ended by itself.
func (p *Process) Kill() error {
	err := p.cmd.Process.Kill()
	_ = p.cmd.Wait() // "signal: killed" is the expected result.
	if err != nil {
		return fmt.Errorf("%s had ended by itself: %w", p.cmd.Path, err)
	}
	return nil
}

// Stop asks the process to end (SIGTERM) and waits for it. An exit code other than 0 is an error; an end by the signal, which
// is what programs without a handler do, is not.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s did not stop in good order: %w", p.cmd.Path, err)
	}
	return nil
}
