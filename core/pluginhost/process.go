package pluginhost

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// pipeGrace is how long the host keeps reading the pipes of a dead process. It must be bounded, because a grandchild that
// left the process group can hold the other ends open for ever.
const pipeGrace = 500 * time.Millisecond

// process is one child with its own process group. Its standard input is a pipe whose other end only the host holds: it
// closes when the router dies, however it dies, and a plugin exits then.
type process struct {
	pid            int
	stdout, stderr *os.File
	// exited is closed when the child has ended and its group was killed; state is set before.
	exited chan struct{}
	state  *os.ProcessState

	stdin     *os.File
	closeOnce sync.Once

	mu     sync.Mutex // guards signals against a reused pid
	reaped bool
}

// startProcess starts cmd, whose standard streams must be unset. The caller must read stdout and stderr to their end.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{exited: make(chan struct{})}
	var child pipeEnds
	if err := p.pipes(cmd, &child); err != nil {
		child.close()
		p.closePipes()
		return nil, err
	}
	cmd.SysProcAttr = childAttr()

	started := make(chan error)
	go p.run(cmd, started)
	err := <-started
	child.close()
	if err != nil {
		p.closePipes()
		return nil, err
	}
	return p, nil
}

// run starts the child and waits for it, on one OS thread that lives as long as the child: Pdeathsig fires when the thread
// that forked dies, not when its process does (golang/go#27505).
func (p *process) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	p.pid = cmd.Process.Pid
	started <- nil

	p.wait(cmd)
	p.state = cmd.ProcessState
	p.closeStdin()
	close(p.exited)
	time.AfterFunc(pipeGrace, p.closePipes)
}

// kill sends SIGKILL to the process group. It may be called at any time, more than once.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		p.signalGroup()
	}
}

func (p *process) signalGroup() {
	_ = syscall.Kill(-p.pid, syscall.SIGKILL) // ESRCH: nobody left
}

// closeStdin asks the plugin to exit.
func (p *process) closeStdin() {
	p.closeOnce.Do(func() { _ = p.stdin.Close() })
}

// status describes how the process ended. It is valid after exited is closed.
func (p *process) status() string {
	if p.state == nil {
		return "ended"
	}
	ws, ok := p.state.Sys().(syscall.WaitStatus)
	if ok && ws.Signaled() {
		return fmt.Sprintf("was killed by signal %d (%s)", int(ws.Signal()), ws.Signal())
	}
	return fmt.Sprintf("exited with status %d", p.state.ExitCode())
}

// pipeEnds are the child's ends of its pipes, closed in the host once the child has them.
type pipeEnds []*os.File

func (e pipeEnds) close() {
	for _, f := range e {
		_ = f.Close()
	}
}

// pipes connects cmd's standard streams to three pipes. With files instead of readers and writers, cmd.Wait waits for the
// process alone and not for the grandchildren that inherited its streams.
func (p *process) pipes(cmd *exec.Cmd, child *pipeEnds) error {
	open := func() (r, w *os.File, err error) {
		if r, w, err = os.Pipe(); err != nil {
			return nil, nil, fmt.Errorf("make a pipe: %w", err)
		}
		return r, w, nil
	}
	in, inW, err := open()
	if err != nil {
		return err
	}
	cmd.Stdin, p.stdin, *child = in, inW, append(*child, in)
	out, outW, err := open()
	if err != nil {
		return err
	}
	cmd.Stdout, p.stdout, *child = outW, out, append(*child, outW)
	errR, errW, err := open()
	if err != nil {
		return err
	}
	cmd.Stderr, p.stderr, *child = errW, errR, append(*child, errW)
	return nil
}

// closePipes closes the host's ends; reads under way return os.ErrClosed.
func (p *process) closePipes() {
	for _, f := range []*os.File{p.stdin, p.stdout, p.stderr} {
		if f != nil {
			_ = f.Close()
		}
	}
}
