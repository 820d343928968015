package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// rig is a router process of a test: its folder, its ports, its log.
type rig struct {
	t             *testing.T
	dir           string
	server, admin string
	cmd           *exec.Cmd
	log           lockedBuffer
}

// newRig writes config, in which SERVER, ADMIN and BIN stand for addresses and programs, and starts nothing.
func newRig(t *testing.T, config string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	for _, address := range []*string{&r.server, &r.admin} {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		*address = fmt.Sprintf("127.0.0.1:%d", port)
	}
	config = strings.NewReplacer("SERVER", r.server, "ADMIN", r.admin, "BIN", programs).Replace(config)
	if err := os.WriteFile(filepath.Join(r.dir, "config.hcl"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.cmd != nil {
			r.kill(syscall.SIGKILL)
		}
		if t.Failed() {
			t.Logf("router's log:\n%s", r.log.String())
		}
	})
	return r
}

// start runs the router and waits until it is ready.
func (r *rig) start() {
	r.t.Helper()
	r.cmd = exec.Command(filepath.Join(programs, "pointsman"), "run", "config.hcl")
	r.cmd.Dir = r.dir
	r.cmd.Stdout, r.cmd.Stderr = &r.log, &r.log
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.until("ready", func() bool { return r.get("/readyz") == http.StatusOK })
}

// kill sends a signal and waits for the end of the process. It returns the exit code, -1 for a signal.
func (r *rig) kill(sig syscall.Signal) int {
	r.t.Helper()
	if err := r.cmd.Process.Signal(sig); err != nil {
		r.t.Fatal(err)
	}
	_ = r.cmd.Wait() // The exit code says it.
	code := r.cmd.ProcessState.ExitCode()
	r.cmd = nil
	return code
}

func (r *rig) get(path string) int {
	resp, err := http.Get("http://" + r.admin + path)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// metrics is the text of /metrics.
func (r *rig) metrics() string {
	r.t.Helper()
	resp, err := http.Get("http://" + r.admin + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		r.t.Fatal(err)
	}
	return b.String()
}

// send runs `pointsman send intdash` and requires that the router accepts the event.
func (r *rig) send(args ...string) {
	r.t.Helper()
	cmd := exec.Command(filepath.Join(programs, "pointsman"), append([]string{"send", "intdash"}, args...)...)
	cmd.Dir = r.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("send: %v\n%s", err, out)
	}
}

// until polls; the test fails when ok does not say yes in time.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			r.t.Fatalf("%s: not within %s", what, patience)
		case <-tick.C:
		}
	}
}

// plugins are the pids of the router's plugin processes.
func (r *rig) plugins() []int {
	r.t.Helper()
	return processes(r.t, func(stat processStat) bool { return stat.parent == r.cmd.Process.Pid })
}

// processStat is the part of /proc/<pid>/stat that tests look at.
type processStat struct {
	pid, parent int
	state       string
}

// processes are the living ones that match; a zombie is not alive.
func processes(t *testing.T, match func(processStat) bool) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // gone in between
		}
		var s processStat
		after := text[bytes.LastIndexByte(text, ')')+1:]
		if _, err := fmt.Sscanf(string(text), "%d", &s.pid); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(string(after), " %s %d", &s.state, &s.parent); err != nil {
			t.Fatal(err)
		}
		if s.state != "Z" && match(s) {
			pids = append(pids, s.pid)
		}
	}
	return pids
}

// lockedBuffer is written by a process while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
