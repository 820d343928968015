package pluginhost

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Each test is one way in which a plugin process outlives, stalls or ends its host when it is started with exec.Cmd and
// go-plugin alone.

// A stopped process answers nothing: health notices, and stopping still ends in time.
func TestTrapStoppedProcess(t *testing.T) {
	t.Run("health", func(t *testing.T) {
		r := newRig(t, "ok")
		r.timing.health, r.timing.misses = 100*time.Millisecond, 3
		r.ready()
		s := r.session()
		pid := r.plugin.Status().Pid
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		_, err := s.Recv()
		if lost, ok := errors.AsType[*LostError](err); !ok || lost.Reason != reasonHealth {
			t.Errorf("Recv returned %v, want it lost for its health", err)
		}
		if alive(pid) {
			t.Error("the stopped process is left")
		}
		s.Close()
		if res, err := r.deliver(r.session(), "echo"); err != nil {
			t.Errorf("the next process: %v %v", res, err)
		}
	})
	t.Run("stop", func(t *testing.T) {
		r := newRig(t, "ok")
		r.timing.drain, r.timing.leave = 200*time.Millisecond, 200*time.Millisecond
		r.ready()
		if err := syscall.Kill(r.plugin.Status().Pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		r.stop()
		if r.err != nil {
			t.Errorf("Run returned %v", r.err)
		}
	})
}

// A grandchild that holds the plugin's standard error must not hide the plugin's death, and dies with it.
func TestTrapGrandchildHoldsStderr(t *testing.T) {
	r := newRig(t, "family").ready()
	s := r.session()
	eventually(t, "the grandchild says its pid", func() bool { return len(r.log.find("grandchild")) > 0 })
	grandchild := int(r.log.find("grandchild")[0]["child_pid"].(float64))
	if !alive(grandchild) {
		t.Fatal("no grandchild")
	}
	if err := syscall.Kill(r.plugin.Status().Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_, err := s.Recv()
	if lost, ok := errors.AsType[*LostError](err); !ok || lost.Reason != reasonExit || !strings.Contains(lost.Detail, "killed by signal 9") {
		t.Errorf("Recv returned %v", err)
	}
	eventually(t, "the grandchild is gone", func() bool { return !alive(grandchild) })
}

// An event of more than gRPC's 4 MiB arrives.
func TestTrapLargeMessage(t *testing.T) {
	r := newRig(t, "ok").ready()
	s := r.session()
	env := Delivery{ID: "big", Envelope: nil, Arguments: []byte(strings.Repeat("a", 5<<20)), Rule: "done"}
	if err := s.Send([]Delivery{env}); err != nil {
		t.Fatal(err)
	}
	if res, err := s.Recv(); err != nil || res[0].GetId() != "big" {
		t.Errorf("%v %v", res, err)
	}
}

// Deliveries in flight are finished before the process is asked to exit.
func TestTrapStopCutsCalls(t *testing.T) {
	r := newRig(t, "ok").ready()
	s := r.session()
	if err := s.Send([]Delivery{{ID: "slow", Rule: "second"}}); err != nil {
		t.Fatal(err)
	}
	r.cancel()
	res, err := s.Recv()
	if err != nil || res[0].GetOutcome() != pluginv1.Outcome_OUTCOME_DONE {
		t.Errorf("Recv returned %v %v, want the result of what was in flight", res, err)
	}
	if _, err := s.Recv(); !errors.As(err, new(*LostError)) {
		t.Errorf("Recv after the stop returned %v", err)
	}
	if _, err := r.plugin.Session(t.Context()); !errors.Is(err, ErrStopped) {
		t.Errorf("Session after the stop returned %v", err)
	}
}

// A panic or an exit in a handler is a LostError that says so, and the next process comes soon.
func TestTrapHandlerDies(t *testing.T) {
	tests := []struct{ rule, detail, output string }{
		{"panic", "exited with status 2", "panic: the handler is broken"},
		{"fallen", "exited with status 2", "panic: fell over"},
		{"exit", "exited with status 0", ""},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			r := newRig(t, "ok").ready()
			s := r.session()
			lost := r.mustLose(s, tt.rule)
			if lost.Reason != reasonExit || lost.Detail != tt.detail || !strings.HasPrefix(lost.Output, tt.output) {
				t.Errorf("lost with %+v", lost)
			}
			s.Close()
			if _, err := r.deliver(r.session(), "echo"); err != nil {
				t.Errorf("the next process: %v", err)
			}
			if tt.output != "" && !panicLogged(r, tt.output) {
				t.Error("the panic is not in the log at ERROR")
			}
		})
	}
}

func panicLogged(r *rig, line string) bool {
	for _, rec := range r.log.find("plugin output") {
		if rec["level"] == "ERROR" && strings.HasPrefix(rec["line"].(string), line) {
			return true
		}
	}
	return false
}

func TestTrapTLS(t *testing.T) {
	t.Run("both", func(t *testing.T) {
		r := newRig(t, "ok")
		r.spec.TLS = true
		r.ready()
		if _, err := r.deliver(r.session(), "echo"); err != nil {
			t.Error(err)
		}
	})
	for mode, want := range map[string]string{"plain": "set tls = false", "certificate": "set tls = true"} {
		t.Run(mode, func(t *testing.T) {
			r := newRig(t, mode)
			r.spec.TLS = mode == "plain"
			r.run()
			<-r.done
			if !errors.Is(r.err, ErrHandshake) || !strings.Contains(r.err.Error(), want) {
				t.Errorf("Run returned %v", r.err)
			}
		})
	}
}

// A pinned plugin starts more than once, and a swapped program is refused at the restart.
func TestTrapPinnedRestart(t *testing.T) {
	r := newRig(t, "ok")
	content, err := os.ReadFile(r.spec.Path)
	if err != nil {
		t.Fatal(err)
	}
	r.spec.Path = filepath.Join(t.TempDir(), "pointsman-plugin-ok")
	if err := os.WriteFile(r.spec.Path, content, 0o755); err != nil {
		t.Fatal(err)
	}
	if r.spec.SHA256, err = hashFile(r.spec.Path); err != nil {
		t.Fatal(err)
	}
	r.ready()
	s := r.session()
	_ = r.mustLose(s, "exit")
	s = r.session()
	if _, err := r.deliver(s, "echo"); err != nil {
		t.Fatal(err)
	}

	swapped := r.spec.Path + ".new"
	if err := os.WriteFile(swapped, []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(swapped, r.spec.Path); err != nil {
		t.Fatal(err)
	}
	if _, err := r.deliver(s, "echo"); err != nil {
		t.Errorf("the running process is not kept: %v", err)
	}
	_ = r.mustLose(s, "exit")
	eventually(t, "the swapped program is refused", func() bool { return errors.Is(r.plugin.Status().LastError, ErrChecksum) })
}

// Cancelling a start that hangs frees it at once, not at its timeout.
func TestTrapCancelStart(t *testing.T) {
	r := newRig(t, "quiet")
	r.timing.start = time.Hour
	r.run()
	eventually(t, "the process runs", func() bool {
		dirs, _ := os.ReadDir(r.sockets)
		return len(dirs) == 1
	})
	r.stop()
	if r.err != nil {
		t.Errorf("Run returned %v", r.err)
	}
	if err := r.plugin.WaitReady(t.Context()); !errors.Is(err, ErrStopped) {
		t.Errorf("WaitReady returned %v", err)
	}
}

// A process that exits by neither Shutdown nor the end of its input is killed.
func TestTrapDeafProcess(t *testing.T) {
	r := newRig(t, "deaf")
	r.timing.leave = 300 * time.Millisecond
	r.ready()
	r.stop()
	if len(r.log.find("plugin did not exit in time: killed")) != 1 {
		t.Error("the kill is not logged")
	}
}

// An answer larger than any message may be ends the process, not the host.
func TestTrapHugeAnswer(t *testing.T) {
	r := newRig(t, "ok").ready()
	lost := r.mustLose(r.session(), "huge")
	if lost.Reason != reasonStream || !strings.Contains(lost.Detail, "larger than max") {
		t.Errorf("lost with %+v", lost)
	}
}
