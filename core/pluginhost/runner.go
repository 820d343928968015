package pluginhost

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// closedStdoutGrace is how long a process that closed its standard output before the handshake has to exit.
const closedStdoutGrace = time.Second

// processRunner is go-plugin's view of a process. go-plugin reads only the handshake, which is the first line of standard
// output. The runner reads the rest of it, and standard error, to the end, so that a plugin never blocks on a full pipe.
type processRunner struct {
	path      string
	env       []string // besides go-plugin's
	socketDir string
	tls       bool
	out       *outputLog

	helloR *io.PipeReader
	helloW *io.PipeWriter

	mu     sync.Mutex
	proc   *process
	killed bool

	// readers is done when both streams have ended; helloErr and the tail are complete then.
	readers  sync.WaitGroup
	helloErr error
}

var _ runner.Runner = (*processRunner)(nil)

func newRunner(path string, out *outputLog) *processRunner {
	r := &processRunner{path: path, out: out}
	r.helloR, r.helloW = io.Pipe()
	return r
}

// Start starts the process. After Kill it returns context.Canceled.
func (r *processRunner) Start(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.killed {
		return context.Canceled
	}
	cmd := exec.Command(r.path)
	cmd.Env = r.env
	proc, err := startProcess(cmd)
	if err != nil {
		return err
	}
	r.proc = proc
	r.out.started(proc.pid)
	r.readers.Go(func() { r.readStdout(proc) })
	r.readers.Go(func() { eachLine(proc.stderr, r.out.stderrLine) })
	return nil
}

// readStdout passes the first line to go-plugin and the rest to the log.
func (r *processRunner) readStdout(proc *process) {
	br := bufio.NewReaderSize(proc.stdout, maxLine)
	line, err := br.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		// The process is ending. Wait for its exit status, which explains go-plugin's error.
		select {
		case <-proc.exited:
		case <-time.After(closedStdoutGrace):
		}
	}
	r.helloErr = parseHello(line, r.tls, r.socketDir)
	if r.helloErr == nil {
		_, _ = r.helloW.Write(line) // go-plugin reads to the end
	}
	_ = r.helloW.Close()
	eachLine(br, r.out.stdoutLine)
}

// Wait returns when the process has ended and its group is killed.
func (r *processRunner) Wait(context.Context) error {
	<-r.proc.exited
	return nil
}

// Kill sends SIGKILL to the process group, or prevents the start if there is no process yet.
func (r *processRunner) Kill(context.Context) error {
	r.mu.Lock()
	r.killed = r.killed || !r.exited()
	proc := r.proc
	r.mu.Unlock()
	if proc != nil {
		proc.kill()
	}
	return nil
}

// process is nil when the program was never started.
func (r *processRunner) process() *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.proc
}

// wasKilled reports whether Kill was called before the process ended.
func (r *processRunner) wasKilled() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.killed
}

// exited reports whether the process has ended. The caller holds mu.
func (r *processRunner) exited() bool {
	if r.proc == nil {
		return false
	}
	select {
	case <-r.proc.exited:
		return true
	default:
		return false
	}
}

// Stdout returns the handshake line.
func (r *processRunner) Stdout() io.ReadCloser { return r.helloR }

// Stderr returns an empty stream: outputLog reads the real one.
func (r *processRunner) Stderr() io.ReadCloser { return io.NopCloser(bytes.NewReader(nil)) }

// Name returns the program's path.
func (r *processRunner) Name() string { return r.path }

// ID returns the pid, or "" before the start.
func (r *processRunner) ID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.proc == nil {
		return ""
	}
	return strconv.Itoa(r.proc.pid)
}

// Diagnose returns nothing: StartError has more detail.
func (r *processRunner) Diagnose(context.Context) string { return "" }

// PluginToHost returns the address as it is: both processes see the same files.
func (r *processRunner) PluginToHost(network, addr string) (string, string, error) {
	return network, addr, nil
}

// HostToPlugin returns the address as it is: both processes see the same files.
func (r *processRunner) HostToPlugin(network, addr string) (string, string, error) {
	return network, addr, nil
}
