package pluginhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// logBuffer is a JSON log that can be read while it is written.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// find returns the records with that message.
func (l *logBuffer) find(msg string) []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []map[string]any
	for line := range bytes.Lines(l.buf.Bytes()) {
		var rec map[string]any
		if json.Unmarshal(line, &rec) == nil && rec["msg"] == msg {
			found = append(found, rec)
		}
	}
	return found
}

// rig is a plugin under test with its log and socket folder.
type rig struct {
	tb      testing.TB
	log     logBuffer
	sockets string
	spec    Spec
	options Options
	timing  timing
	plugin  *Plugin

	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

func newRig(tb testing.TB, mode string) *rig {
	r := &rig{tb: tb, sockets: tb.TempDir(), timing: defaultTiming}
	// The race detector's runtime would have every plugin wait for a second at exit.
	r.spec = Spec{Name: "p", Kind: mode, Path: program(tb, mode), Env: []string{"GORACE"}}
	r.options = Options{Log: r.log.logger(), SocketDir: r.sockets}
	r.timing.start = 30 * time.Second // a test binary with -race on a busy machine
	return r
}

// run starts the plugin; the test's end stops it and checks that nothing is left.
func (r *rig) run() *rig {
	r.tb.Helper()
	r.plugin = newPlugin(r.spec, r.options, r.timing)
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.done = cancel, make(chan struct{})
	go func() {
		defer close(r.done)
		r.err = r.plugin.Run(ctx)
	}()
	r.tb.Cleanup(r.stop)
	return r
}

func (r *rig) ready() *rig {
	r.tb.Helper()
	r.run()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := r.plugin.WaitReady(ctx); err != nil {
		r.tb.Fatal(err)
	}
	return r
}

// stop ends Run and checks its promise: no process, no folder.
func (r *rig) stop() {
	r.tb.Helper()
	r.cancel()
	select {
	case <-r.done:
	case <-time.After(20 * time.Second):
		r.tb.Error("Run does not return")
		return
	}
	if pid := r.plugin.Status().Pid; pid != 0 && alive(pid) {
		r.tb.Errorf("process %d is left", pid)
	}
	if left, err := os.ReadDir(r.sockets); err != nil || len(left) > 0 {
		r.tb.Errorf("left in the socket folder: %v %v", left, err)
	}
}

func (r *rig) session() *Session {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s, err := r.plugin.Session(ctx)
	if err != nil {
		r.tb.Fatal(err)
	}
	r.tb.Cleanup(s.Close)
	return s
}

// deliver sends one delivery with that rule and returns what came back.
func (r *rig) deliver(s *Session, rule string) (*pluginv1.Result, error) {
	r.tb.Helper()
	if err := s.Send([]Delivery{{ID: "d-1", Attempt: 1, Timeout: time.Minute, Rule: rule}}); err != nil {
		return nil, err
	}
	results, err := s.Recv()
	if err != nil {
		return nil, err
	}
	if len(results) != 1 {
		r.tb.Fatalf("%d results for one delivery", len(results))
	}
	return results[0], nil
}

// mustLose sends a delivery that kills the process and returns the LostError.
func (r *rig) mustLose(s *Session, rule string) *LostError {
	r.tb.Helper()
	res, err := r.deliver(s, rule)
	lost, ok := errors.AsType[*LostError](err)
	if !ok {
		r.tb.Fatalf("deliver %q: result %v, error %v, want a LostError", rule, res, err)
	}
	return lost
}

// eventually polls until ok holds.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	eventuallyWithin(tb, 15*time.Second, what, ok)
}

func eventuallyWithin(tb testing.TB, d time.Duration, what string, ok func() bool) {
	tb.Helper()
	deadline := time.After(d)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("not within %s: %s", d, what)
		}
	}
}

// alive reports whether the process exists and is no zombie.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}
