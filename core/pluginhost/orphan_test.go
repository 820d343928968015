package pluginhost

import (
	"bufio"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
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
