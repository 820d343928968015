package s3test

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	// startLimit is generous, because the machine may be compiling at the same time.
	startLimit = 60 * time.Second
	stopLimit  = 5 * time.Second
)

// process is the process of a server. It can be started again after it has ended.
type process struct {
	path      string
	args, env []string
	dir       string
	health    string

	cmd    *exec.Cmd
	ended  chan struct{}
	output tail
}

func (p *process) start() error {
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Dir, p.cmd.Env = p.dir, p.env
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = diesWithParent()
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.path, err)
	}
	ended := make(chan struct{})
	p.ended = ended
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait() // waitUntilHealthy reports the state
		close(ended)
	}(p.cmd)
	return nil
}

func (p *process) waitUntilHealthy(ctx context.Context, client *http.Client) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		healthy := p.healthy(ctx, client)
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it was healthy (%s): %s", p.path, p.cmd.ProcessState, &p.output)
		case <-ctx.Done():
			return fmt.Errorf("%s is not healthy: %w: %s", p.path, ctx.Err(), &p.output)
		case <-tick.C:
			if healthy {
				return nil
			}
		}
	}
}

func (p *process) healthy(ctx context.Context, client *http.Client) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.health, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-p.ended:
	case <-limit.C:
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// tail is a writer that keeps the last tailSize bytes.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 8 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - tailSize; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
