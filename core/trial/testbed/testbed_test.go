package testbed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestMetricsSum(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "# TYPE a counter\na{plugin=\"x\",result=\"done\"} 3\na{plugin=\"y\",result=\"done\"} 4\na{plugin=\"x\",result=\"retry\"} 5\n")
	}))
	defer server.Close()
	m, err := ReadMetrics(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for want, got := range map[float64]float64{
		12: m.Sum("a"), 7: m.Sum("a", "result", "done"), 5: m.Sum("a", "plugin", "x", "result", "retry"), 0: m.Sum("b"),
	} {
		if got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

// PeakMemory knows a process from its memory, and an ended one from none.
func TestPeakMemory(t *testing.T) {
	peak, err := PeakMemory(os.Getpid())
	if err != nil || peak < 1<<20 {
		t.Errorf("this process: %d bytes, %v", peak, err)
	}
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := PeakMemory(gone.Process.Pid); !errors.Is(err, ErrNoProcess) {
		t.Errorf("an ended process: %v", err)
	}
}

// CPU grows while a process computes.
func TestCPU(t *testing.T) {
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for after := before; after <= before; {
		if after, err = CPU(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	if now, err := Memory(os.Getpid()); err != nil || now < 1<<20 {
		t.Errorf("this process: %d bytes, %v", now, err)
	}
}

// Children counts a child that has ended until it is waited for.
func TestChildren(t *testing.T) {
	before, err := Children(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if n, err := Children(os.Getpid()); n != before+1 || err != nil {
		t.Errorf("%d children, %v; want %d", n, err, before+1)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	if n, err := Children(os.Getpid()); n != before || err != nil {
		t.Errorf("%d children, %v; want %d", n, err, before)
	}
}

func TestReadRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record")
	if ids, err := ReadRecord(path); len(ids) != 0 || err != nil {
		t.Errorf("no file: %q, %v", ids, err)
	}
	if err := os.WriteFile(path, []byte("j-2 1 e2\nj-1 1 e1\nj-2 2 e2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ids, err := ReadRecord(path); strings.Join(ids, " ") != "j-2 j-1 j-2" || err != nil {
		t.Errorf("%q, %v", ids, err)
	}
}

func TestParent(t *testing.T) {
	if ppid := parent(fmt.Sprintf("/proc/%d/stat", os.Getpid())); ppid != os.Getppid() {
		t.Errorf("parent %d, want %d", ppid, os.Getppid())
	}
}

// A baseline ends with the context of its command, which SIGTERM ends, even if its server does not stop.
func TestBareCommandEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cmd := BareCommand(func(address string) error {
		if address != "127.0.0.1:1" {
			t.Errorf("serves at %q", address)
		}
		cancel()
		select {} // a server that never stops
	})
	cmd.SetArgs([]string{"127.0.0.1:1"})
	if err := cmd.ExecuteContext(ctx); err != nil {
		t.Error(err)
	}
}
