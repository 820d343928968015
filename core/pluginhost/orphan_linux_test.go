package pluginhost

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// After kill -9 of the host its plugins are gone within three seconds, those that ignore everything too.
func TestTrapHostKilled(t *testing.T) {
	for _, mode := range []string{"ok", "deaf"} {
		t.Run(mode, func(t *testing.T) {
			host := exec.Command(link2self(t, "pointsman-host"))
			host.Env = append(host.Environ(), "HOST_PLUGIN="+program(t, mode), "HOST_SOCKETS="+t.TempDir())
			out, err := host.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := host.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			pid, convErr := strconv.Atoi(strings.TrimSpace(line))
			if err != nil || convErr != nil {
				_ = host.Process.Kill()
				_ = host.Wait()
				t.Fatalf("host says %q: %v", line, err)
			}
			if !alive(pid) {
				t.Errorf("plugin %d is not alive before", pid)
			}
			if err := host.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			_ = host.Wait()
			eventuallyWithin(t, 3*time.Second, "the plugin is gone", func() bool { return !alive(pid) })
		})
	}
}

// A thread that forked a plugin and ends must not take the plugin with it (Pdeathsig is per thread).
func TestTrapForkingThreadEnds(t *testing.T) {
	r := newRig(t, "ok")
	var inst *instance
	task := fmt.Sprintf("/proc/self/task/%d", onDyingThread(func() {
		var err error
		if inst, err = startInstance(t.Context(), r.spec, r.options, r.timing, new(history)); err != nil {
			t.Error(err)
		}
	}))
	if inst == nil {
		t.FailNow()
	}
	defer inst.end()
	eventually(t, "the thread ends", func() bool {
		_, err := os.Stat(task)
		return os.IsNotExist(err)
	})
	if _, err := inst.client.Describe(t.Context(), &pluginv1.DescribeRequest{}); err != nil {
		t.Errorf("the plugin is gone: %v", err)
	}
}

// onDyingThread runs fn on a thread that ends after it, and returns that thread's id.
func onDyingThread(fn func()) (tid int) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
		tid = syscall.Gettid()
		if tid == os.Getpid() { // but for the first one, which cannot end
			tid = onDyingThread(fn)
			runtime.UnlockOSThread()
			return
		}
		fn()
	}()
	<-done
	return tid
}
