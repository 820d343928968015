package pluginhost

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// TestStartErrors starts programs that are no plugins. Each error names the plugin, the file, the reason and what to do.
func TestStartErrors(t *testing.T) {
	tests := []struct {
		name   string
		mode   string
		change func(*testing.T, *rig)
		reason error
		want   []string
	}{
		{
			"missing", "ok", func(_ *testing.T, r *rig) { r.spec.Path = "bin/pointsman-plugin-nope" }, ErrMissing,
			[]string{`plugin "p": no program at bin/pointsman-plugin-nope: build it ("make build"), or set path`},
		},
		{"folder", "ok", func(t *testing.T, r *rig) { r.spec.Path = t.TempDir() }, ErrNotExecutable, []string{"it is a folder"}},
		{"no x bit", "ok", func(t *testing.T, r *rig) { r.spec.Path = writeFile(t, "#!/bin/sh\n", 0o644) }, ErrNotExecutable, []string{"chmod +x"}},
		{
			"not a program", "ok", func(t *testing.T, r *rig) { r.spec.Path = writeFile(t, "\x7fELF nonsense", 0o755) }, ErrNotExecutable,
			[]string{"cannot be run", "not built for this system"},
		},
		{
			"interpreter missing", "ok", func(t *testing.T, r *rig) { r.spec.Path = writeFile(t, "#!/no/such/python\n", 0o755) }, ErrNotExecutable,
			[]string{"interpreter"},
		},
		{"dies at start", "dies", nil, ErrExited, []string{"exited with status 3 before it was ready; it wrote:\n  cannot find my teeth"}},
		{"garbage on stdout", "garbage", nil, ErrHandshake, []string{`printed "Hello, I am a plugin!" where the handshake line was expected`}},
		{"closes stdout", "mute", nil, ErrHandshake, []string{"closed its standard output before the handshake"}},
		{"another version", "future", nil, ErrVersion, []string{`speaks version "7" of the plugin protocol, this router speaks 1`}},
		{"never answers", "quiet", func(_ *testing.T, r *rig) { r.timing.start = 300 * time.Millisecond }, ErrTimeout, []string{"did not start within 300ms"}},
		{"socket elsewhere", "elsewhere", nil, ErrHandshake, []string{"must listen on a unix socket in the folder that PLUGIN_UNIX_SOCKET_DIR names"}},
		{"other kind", "impostor", nil, ErrContract, []string{`a plugin of kind "slack", but the configuration expects "impostor"`}},
		{"reserved argument", "reserved", nil, ErrContract, []string{`an argument "retry"`}},
		{"other service", "stranger", nil, ErrContract, []string{"Describe: ", "unknown service"}},
		{
			"dies in Configure", "ok", func(_ *testing.T, r *rig) { r.spec.Settings = []byte(`{"panic":"no soup"}`) }, ErrExited,
			[]string{"exited with status 2 during Configure; it wrote:\n  panic: no soup"},
		},
		{"Configure hangs", "ok", func(_ *testing.T, r *rig) {
			r.spec.Settings = []byte(`{"hang":"x"}`)
			r.timing.configure = 200 * time.Millisecond
		}, ErrTimeout, []string{"did not answer Configure in time"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.mode)
			if tt.change != nil {
				tt.change(t, r)
			}
			r.run()
			<-r.done
			start, ok := errors.AsType[*StartError](r.err)
			if !ok {
				t.Fatalf("Run returned %v, want a StartError", r.err)
			}
			if !errors.Is(start, tt.reason) {
				t.Errorf("reason is %v, want %v", start.Reason, tt.reason)
			}
			for _, want := range append(tt.want, `plugin "p"`, r.spec.Path) {
				if !strings.Contains(start.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, start)
				}
			}
			if err := r.plugin.WaitReady(t.Context()); !errors.Is(err, start) {
				t.Errorf("WaitReady returned %v, want Run's error", err)
			}
			if _, err := r.plugin.Session(t.Context()); !errors.Is(err, ErrStopped) {
				t.Errorf("Session returned %v, want ErrStopped", err)
			}
		})
	}
}

func writeFile(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pointsman-plugin-x")
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfigureRefused(t *testing.T) {
	r := newRig(t, "ok")
	r.spec.Settings = []byte(`{"refuse":"smtp.host"}`)
	r.run()
	<-r.done
	refused, ok := errors.AsType[*ConfigError](r.err)
	if !ok {
		t.Fatalf("Run returned %v, want a ConfigError", r.err)
	}
	if len(refused.Diagnostics) != 1 || refused.Diagnostics[0].GetPath() != "smtp.host" {
		t.Errorf("diagnostics are %v", refused.Diagnostics)
	}
	if want := "smtp.host: wrong value: choose another"; !strings.Contains(refused.Error(), want) {
		t.Errorf("error does not say %q: %v", want, refused)
	}
}

func TestConfigureWarns(t *testing.T) {
	r := newRig(t, "ok")
	r.spec.Settings = []byte(`{"warn":"smtp.host"}`)
	r.ready()
	if found := r.log.find("plugin warns about its settings"); len(found) != 1 || found[0]["setting"] != "smtp.host" {
		t.Errorf("warning in the log: %v", found)
	}
}

func TestDataDirIsPrivate(t *testing.T) {
	r := newRig(t, "ok")
	r.spec.DataDir = filepath.Join(t.TempDir(), "plugins", "p")
	r.ready()
	info, err := os.Stat(r.spec.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("data folder has mode %v", info.Mode())
	}
}

func TestCheck(t *testing.T) {
	r := newRig(t, "ok")
	r.spec.DataDir = filepath.Join(t.TempDir(), "p")
	r.spec.Settings = []byte(`{"refuse":"token"}`)
	diags, err := Check(t.Context(), r.spec, r.options)
	if err != nil {
		t.Fatal(err)
	}
	if len(diags) != 1 || diags[0].GetPath() != "token" || diags[0].GetSeverity() != pluginv1.Diagnostic_SEVERITY_ERROR {
		t.Errorf("diagnostics are %v", diags)
	}
	if _, err := os.Stat(r.spec.DataDir); !os.IsNotExist(err) {
		t.Errorf("Check made the data folder: %v", err)
	}
	if left, _ := os.ReadDir(r.sockets); len(left) > 0 {
		t.Errorf("left in the socket folder: %v", left)
	}
	r.spec.Path = "nope"
	if _, err := Check(t.Context(), r.spec, r.options); !errors.Is(err, ErrMissing) {
		t.Errorf("Check of nothing returned %v", err)
	}
}

func TestDescribe(t *testing.T) {
	spec := func(mode string) Spec { return Spec{Name: "p", Kind: mode, Path: program(t, mode)} }
	descriptions.Clear() // all modes are one file
	tests := []struct {
		mode   string
		reason error
		want   string
	}{
		{"describe-fails", ErrExited, "exited with status 4; it wrote:\n  no idea who I am"},
		{"describe-garbage", ErrContract, `printed "I am a plugin\n" where a DescribeResponse in JSON was expected`},
		{"describe-huge", ErrContract, "printed more than 1048576 bytes"},
		{"impostor", ErrContract, `of kind "slack"`},
		{"reserved", ErrContract, `"retry"`},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			descriptions.Clear()
			_, err := Describe(t.Context(), spec(tt.mode))
			if !errors.Is(err, tt.reason) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %v with %q", err, tt.reason, tt.want)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		descriptions.Clear()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := Describe(ctx, spec("describe-hangs")); !errors.Is(err, ErrTimeout) {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("answers once", func(t *testing.T) {
		descriptions.Clear()
		s := spec("ok")
		first, err := Describe(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("1.2.3", first.GetVersion()); diff != "" {
			t.Error(diff)
		}
		second, err := Describe(t.Context(), s)
		if err != nil || first != second {
			t.Errorf("the second answer is another one: %v", err)
		}
	})
}

func TestDescribeUnderLoadOfLegacyProgram(t *testing.T) {
	descriptions.Clear()
	_, err := Describe(t.Context(), Spec{Name: "p", Path: "/bin/true"})
	if !errors.Is(err, ErrContract) {
		t.Errorf("error is %v, want one about what it printed", err)
	}
}

func TestPin(t *testing.T) {
	path := program(t, "ok")
	sum, err := hashFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copied := filepath.Join(dir, "pointsman-plugin-ok")
	content, _ := os.ReadFile(path)
	if err := os.WriteFile(copied, content, 0o755); err != nil {
		t.Fatal(err)
	}
	spec := Spec{Name: "p", Path: copied, SHA256: strings.ToUpper(sum)}
	if _, err := inspect(spec); err != nil {
		t.Errorf("the pinned program is refused: %v", err)
	}

	spec.SHA256 = strings.Repeat("0", 64)
	_, err = inspect(spec)
	if !errors.Is(err, ErrChecksum) || !strings.Contains(err.Error(), sum) || !strings.Contains(err.Error(), spec.SHA256) {
		t.Errorf("error does not name both hashes: %v", err)
	}

	spec.SHA256 = sum
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := inspect(spec); !errors.Is(err, ErrChecksum) || !strings.Contains(err.Error(), "other users may write to "+dir) {
		t.Errorf("a pinned program in an open folder: %v", err)
	}
	spec.SHA256 = ""
	if b, err := inspect(spec); err != nil || b.insecure == "" {
		t.Errorf("an unpinned program in an open folder: %+v %v, want a warning only", b, err)
	}
}
