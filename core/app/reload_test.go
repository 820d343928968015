package app

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/admin"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// serveReloads takes requests for a reload until the test ends, or stop is called.
func (r *rig) serveReloads() (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	go r.router.serveReloads(ctx)
	stop = func() {
		cancel()
		<-r.reloads.ended
	}
	r.t.Cleanup(stop)
	return stop
}

// reload writes another configuration and asks for a reload.
func (r *rig) reload(text string) (*adminv1.ReloadResponse, error) {
	r.t.Helper()
	r.options(text)
	return r.Reload(r.t.Context(), "test")
}

func TestReload(t *testing.T) {
	r := newRig(t)
	with := func(rules ...string) string { return baseConfig + plugin("ops", "") + strings.Join(rules, "") }
	first, second := ruleTo("lab", "ops", `text = "first"`), ruleTo("lab", "ops", `text = "second"`)
	r.start(with(first))
	r.serveReloads()
	number, pid := r.current.Load().number, r.pid("ops")
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", with(first), nil},
		{"rule", with(second), []string{`rule "lab-to-ops" changed`}},
		{"comment", with(second, "# a comment\n"), []string{"only the text of the files changed"}},
		{"local", with(second, "locals {\n x = 1\n}\n"), []string{"values of locals or variables changed"}},
		{"plugin", with(second, plugin("mail", "")), []string{`plugin "mail" is new`, "values of locals or variables changed"}},
		{"source", with(second, strings.Replace(`source "intdash" "field" { secrets = ["SECRET"] }`, "SECRET", testSecret, 1)), []string{`source "field" is new`, `plugin "mail" is gone`}},
		{"all", with(first), []string{`source "field" is gone`, `rule "lab-to-ops" changed`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := r.reload(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if len(tt.want) > 0 {
				number++
			}
			if diff := cmp.Diff(tt.want, resp.GetChanges()); diff != "" {
				t.Error(diff)
			}
			if resp.GetChanged() != (tt.want != nil) || resp.GetGeneration().GetNumber() != number {
				t.Errorf("changed %t, generation %d, want %d", resp.GetChanged(), resp.GetGeneration().GetNumber(), number)
			}
		})
	}
	if now := r.pid("ops"); now != pid {
		t.Errorf("the process of a plugin that never changed is %d, was %d", now, pid)
	}
}

// Whatever is wrong, the caller learns what and where, and nothing changes.
func TestReloadFails(t *testing.T) {
	r := newRig(t)
	good := baseConfig + plugin("ops", "") + ruleTo("lab", "ops", "")
	r.start(good)
	r.serveReloads()
	before := r.current.Load()
	for name, tt := range map[string]struct {
		text, want string
		line       bool
	}{
		"syntax":                     {good + "}", "Argument or block definition required", true},
		"missing plugin":             {good + "plugin \"nosuch\" \"bad\" {}\n", "pointsman-plugin-nosuch", true},
		"plugin that refuses":        {good + "plugin \"noop\" \"bad\" {\n  settings {\n    fail_start = \"not today\"\n  }\n}\n", "not today", true},
		"plugin that does not start": {good + "plugin \"noop\" \"bad\" {\n  path = \"/bin/false\"\n}\n", "exited", true},
		"secret not set":             {strings.Replace(good, `"`+testSecret+`"`, `env("NO_SUCH_VARIABLE_ANYWHERE")`, 1), "NO_SUCH_VARIABLE_ANYWHERE", true},
		"another port":               {strings.Replace(good, `server { listen = "127.0.0.1:0" }`, `server { listen = "127.0.0.1:1" }`, 1), "server changed: restart the router", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.reload(tt.text)
			failed, ok := errors.AsType[*admin.ReloadError](err)
			if !ok || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			if found := slices.ContainsFunc(failed.Failure.GetDiagnostics(), func(d *adminv1.Diagnostic) bool {
				return d.GetLine() > 0 && strings.HasSuffix(d.GetFile(), "config.hcl") && strings.Contains(d.GetText(), tt.want)
			}); found != tt.line {
				t.Errorf("diagnostics %v; want a line with %q: %t", failed.Failure.GetDiagnostics(), tt.want, tt.line)
			}
			if r.current.Load() != before {
				t.Error("the generation has changed")
			}
			s, err := r.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if s.GetHealth() != adminv1.Health_HEALTH_DEGRADED || !strings.Contains(strings.Join(s.GetProblems(), "\n"), tt.want) {
				t.Errorf("status %s %q, want degraded for %q", s.GetHealth(), s.GetProblems(), tt.want)
			}
		})
	}
	if _, err := r.reload(good); err != nil {
		t.Fatal(err)
	}
	if s, err := r.Status(t.Context()); err != nil || s.GetHealth() != adminv1.Health_HEALTH_OK {
		t.Errorf("status after a reload that works: %v, %v", s, err)
	}
}

func TestReloadsOneAtATime(t *testing.T) {
	r := newRig(t)
	r.start(baseConfig)
	first := make(chan error)
	go func() {
		_, err := r.Reload(t.Context(), "first")
		first <- err
	}()
	r.until("first", r.reloads.busy.Load)
	if _, err := r.Reload(t.Context(), "second"); !errors.Is(err, admin.ErrBusy) {
		t.Errorf("a second reload: %v, want ErrBusy", err)
	}
	stop := r.serveReloads()
	if err := <-first; err != nil {
		t.Errorf("the first reload: %v", err)
	}
	stop()
	if _, err := r.Reload(t.Context(), "late"); !errors.Is(err, admin.ErrStopping) {
		t.Errorf("a reload during a stop: %v, want ErrStopping", err)
	}
}

// A directory of links, of which one is swapped, is how Kubernetes changes a ConfigMap: no file in it is written.
func TestWatchSwappedLink(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	write := func(version, text string) {
		t.Helper()
		o := r.options(text)
		content, err := os.ReadFile(o.Paths[0])
		data := filepath.Join(dir, version)
		if err := errors.Join(err, os.Mkdir(data, 0o700), os.WriteFile(filepath.Join(data, "config.hcl"), content, 0o600),
			os.Symlink(version, filepath.Join(dir, "..tmp")), os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data"))); err != nil {
			t.Fatal(err)
		}
	}
	write("..1", baseConfig)
	if err := os.Symlink("..data/config.hcl", filepath.Join(dir, "config.hcl")); err != nil {
		t.Fatal(err)
	}
	o := r.options(baseConfig)
	o.Paths, o.Watch = []string{dir}, true
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()
	r.until("ready", func() bool { return len(r.log.values("ready", "msg")) == 1 })
	write("..2", baseConfig+"locals {\n  x = 1\n}\n")
	r.until("reload", func() bool { return len(r.log.values("configuration reloaded", "requested_by")) == 1 })
	write("..3", baseConfig+"}")
	r.until("failed reload", func() bool {
		return len(r.log.values("reload failed, the configuration in force stays", "requested_by")) == 1
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestNotifySystemd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "60000")
	r := newRig(t)
	hangup := make(chan struct{}, 1)
	o := r.options(baseConfig)
	o.Hangup = hangup
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()
	next := func(want string) {
		t.Helper()
		for {
			b := make([]byte, 256)
			if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			n, err := conn.Read(b)
			if err != nil {
				t.Fatalf("no %s: %v", want, err)
			}
			state, _, _ := strings.Cut(string(b[:n]), "\n")
			if state == want {
				return
			}
			if state != "WATCHDOG=1" {
				t.Fatalf("%s, want %s", state, want)
			}
		}
	}
	next("READY=1")
	next("WATCHDOG=1")
	hangup <- struct{}{}
	next("RELOADING=1")
	next("READY=1")
	stop()
	next("STOPPING=1")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
