package plugintest

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

// Build compiles the main package in dir, or the package under test if dir is empty, and returns the path of the program. The
// program is removed after the test.
func Build(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// Binary checks a plugin's program from outside, in sub-tests. The program may be written in any language.
func Binary(t *testing.T, path string) {
	t.Run("describe", func(t *testing.T) { binaryDescribes(t, path) })
	t.Run("run by hand", func(t *testing.T) { binaryRefuses(t, path) })
	t.Run("stops with its router", func(t *testing.T) { binaryStops(t, path) })
}

func binaryDescribes(t *testing.T, path string) {
	out, err := exec.CommandContext(t.Context(), path, handshake.ArgDescribe).Output()
	if err != nil {
		t.Fatal(err)
	}
	var d pluginv1.DescribeResponse
	if err := protojson.Unmarshal(out, &d); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, problem := range CheckDescription(&d) {
		t.Error(problem)
	}
	if again, err := exec.CommandContext(t.Context(), path, handshake.ArgDescribe).Output(); err != nil || !bytes.Equal(out, again) {
		t.Errorf("it is not the same twice, %v", err)
	}
}

// binaryRefuses: without a router, the program explains on standard error what it is, and fails.
func binaryRefuses(t *testing.T, path string) {
	cmd := exec.CommandContext(t.Context(), path)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err == nil {
		t.Error("the exit code is 0")
	}
	if out.Len() > 0 || !strings.Contains(errs.String(), "plugin") {
		t.Errorf("stdout %q, stderr %q: want a friendly text on stderr alone", out.String(), errs.String())
	}
}

// binaryStops: started by a router it does the handshake, ignores the signals that a terminal and a service manager send,
// and exits within three seconds after its standard input closes.
func binaryStops(t *testing.T, path string) {
	dir, err := os.MkdirTemp("", "plugin") //nolint:usetesting // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cmd := exec.CommandContext(t.Context(), path)
	cmd.Env = append(os.Environ(), handshake.CookieKey+"="+handshake.CookieValue, handshake.EnvSocketDir+"="+dir, "PLUGIN_PROTOCOL_VERSIONS=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if parts := strings.Split(strings.TrimSpace(line), "|"); err != nil || len(parts) < 6 || parts[0] != "1" || parts[1] != "1" || parts[4] != "grpc" {
		_ = cmd.Process.Kill()
		t.Fatalf("handshake %q, %v", line, err)
	} else if _, err := os.Stat(parts[3]); err != nil || filepath.Dir(parts[3]) != dir {
		t.Errorf("the socket %s is not in the folder that the router gave: %v", parts[3], err)
	}
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		if err := cmd.Process.Signal(s); err != nil {
			t.Errorf("%v: %v", s, err)
		}
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	select {
	case <-exited:
		t.Fatal("a signal ended it")
	case <-time.After(200 * time.Millisecond):
	}
	_ = stdin.Close()
	select {
	case <-exited:
	case <-time.After(3 * time.Second):
		_ = cmd.Process.Kill()
		<-exited
		t.Error("it still ran 3 s after its standard input closed")
	}
}
