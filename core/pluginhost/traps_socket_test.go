package pluginhost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The socket lies in a folder that nobody else can enter, and a variable of the router's environment cannot move it.
func TestTrapSocketPlace(t *testing.T) {
	t.Setenv("PLUGIN_UNIX_SOCKET_DIR", t.TempDir())
	r := newRig(t, "ok")
	r.spec.Env = append(r.spec.Env, "PLUGIN_UNIX_SOCKET_DIR")
	r.ready()
	dirs, err := os.ReadDir(r.sockets)
	if err != nil || len(dirs) != 1 {
		t.Fatalf("socket folders: %v %v", dirs, err)
	}
	dir := filepath.Join(r.sockets, dirs[0].Name())
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("socket folder has mode %v", info.Mode())
	}
	if m, _ := filepath.Glob(filepath.Join(dir, "plugin*")); len(m) == 0 {
		t.Error("no socket in it")
	}
}

// A path that no socket can have is an error that says so.
func TestTrapSocketPathTooLong(t *testing.T) {
	r := newRig(t, "ok")
	r.options.SocketDir = filepath.Join(t.TempDir(), strings.Repeat("long", 25))
	if err := os.Mkdir(r.options.SocketDir, 0o700); err != nil {
		t.Fatal(err)
	}
	r.run()
	<-r.done
	if r.err == nil || !strings.Contains(r.err.Error(), "set RUNTIME_DIRECTORY or TMPDIR to a shorter path") {
		t.Errorf("Run returned %v", r.err)
	}
	if left, _ := os.ReadDir(r.options.SocketDir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestRuntimeDirectory(t *testing.T) {
	base := t.TempDir()
	t.Setenv("RUNTIME_DIRECTORY", base+":/run/other")
	dir, err := makeSocketDir("")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.remove()
	if filepath.Dir(dir.path) != base {
		t.Errorf("folder is %s, want it in %s", dir.path, base)
	}
}

// A router that was killed cannot remove its folders: the next one does, and leaves those in use and those of others.
func TestTrapSocketDirsOfKilledRouter(t *testing.T) {
	base := t.TempDir()
	var stay []string
	for _, name := range []string{"pointsman-socket-1", "pointsman-socket-2", "pointsman-socket-x", "pointsman-socket-3"} {
		if err := os.Mkdir(filepath.Join(base, name), 0o700); err != nil {
			t.Fatal(err)
		}
		stay = append(stay, filepath.Join(base, name))
	}
	gone := stay[0] // locked by nobody
	if err := os.WriteFile(filepath.Join(gone, "plugin123"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lock, err := lockDir(stay[1])
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := os.WriteFile(filepath.Join(stay[3], "thesis.tex"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := makeSocketDir(base)
	if err != nil {
		t.Fatal(err)
	}
	defer first.remove()
	second, err := makeSocketDir(base)
	if err != nil {
		t.Fatal(err)
	}
	defer second.remove()
	if _, err := os.Stat(gone); !os.IsNotExist(err) {
		t.Errorf("the folder of a killed router is left: %v", err)
	}
	for _, dir := range append(stay[1:], first.path, second.path) {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("swept a folder that is none of a killed router's: %v", err)
		}
	}
}

// When the socket's file is swept from the temporary folder the connection goes on; nothing needs to dial again.
func TestTrapSocketUnlinked(t *testing.T) {
	r := newRig(t, "ok").ready()
	s := r.session()
	sockets, _ := filepath.Glob(filepath.Join(r.sockets, "*", "plugin*"))
	for _, f := range sockets {
		_ = os.Remove(f)
	}
	if len(sockets) == 0 {
		t.Fatal("no socket found")
	}
	if _, err := r.deliver(s, "echo"); err != nil {
		t.Error(err)
	}
	s.Close()
	if _, err := r.deliver(r.session(), "echo"); err != nil {
		t.Error(err)
	}
}

// The environment has no secret of the router's in it.
func TestEnvironmentOfThePlugin(t *testing.T) {
	t.Setenv("INTDASH_SECRET", "hunter2")
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("LC_TIME", "C")
	r := newRig(t, "ok")
	r.spec.Env = append(r.spec.Env, "AWS_REGION")
	r.ready()
	res, err := r.deliver(r.session(), "environment")
	if err != nil {
		t.Fatal(err)
	}
	env := "\n" + res.GetReceipt() + "\n"
	for _, want := range []string{"\nAWS_REGION=eu-west-1\n", "\nLC_TIME=C\n", "\nPATH=", "\nPOINTSMAN_PLUGIN_LOG_LEVEL=debug\n"} {
		if !strings.Contains(env, want) {
			t.Errorf("environment lacks %q", want)
		}
	}
	if strings.Contains(env, "hunter2") {
		t.Error("a secret is in the environment")
	}
}
