package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/source/intdash/intdashsend"
)

// programs holds the plugin that the tests run as a real process.
var programs string

func TestMain(m *testing.M) {
	code, err := withPrograms(m.Run)
	if err == nil && code == 0 {
		err = goleak.Find()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withPrograms(run func() int) (_ int, err error) {
	if programs, err = os.MkdirTemp("", "pointsman-app-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(programs)
	build := exec.Command("go", "build", "-o", programs, "github.com/pointsman/pointsman/plugins/sdk/plugintest/pointsman-plugin-noop")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", build, err, out)
	}
	return run(), nil
}

const testSecret = "only-for-this-test-0123456789012"

// baseConfig is the part of a configuration that the tests share. LISTEN, DIR and BIN are replaced.
const baseConfig = `
server { listen = "127.0.0.1:0" }
admin { listen = "127.0.0.1:0" }
journal { path = "DIR/journal.db" }
plugins { dir = "BIN" }
source "intdash" "lab" { secrets = ["` + testSecret + `"] }
`

// rig is a router inside the test, with a real journal, real ports and a real plugin process.
type rig struct {
	*router
	t    *testing.T
	dir  string
	bin  string
	log  *logLines
	fail chan error
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return &rig{t: t, dir: t.TempDir(), bin: programs, log: &logLines{}, fail: make(chan error, 10)}
}

// options writes the configuration and returns what a command would pass to Run.
func (r *rig) options(text string) Options {
	r.t.Helper()
	path := filepath.Join(r.dir, "config.hcl")
	text = strings.NewReplacer("DIR", r.dir, "BIN", r.bin).Replace(text)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return Options{
		Paths: []string{path}, Version: "test", Warnings: func(*config.Diagnostics) {},
		Log: slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// start starts a router with a configuration; the test stops it.
func (r *rig) start(text string) {
	r.t.Helper()
	r.router = newRouter(r.options(text), func(err error) { r.fail <- err })
	r.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
		defer cancel()
		if err := r.stop(ctx); err != nil {
			r.t.Error(err)
		}
		select {
		case err := <-r.fail:
			r.t.Errorf("a part failed: %v", err)
		default:
		}
		if r.t.Failed() {
			r.t.Log(r.log.text())
		}
	})
	p := r.load(r.t.Context())
	if p.diags.HasErrors() {
		r.t.Fatal(p.diags)
	}
	if err := r.router.start(r.t.Context(), p); err != nil {
		r.t.Fatal(err)
	}
}

// reconfigure applies another configuration to the running router.
func (r *rig) reconfigure(text string) error {
	r.t.Helper()
	r.options(text)
	p := r.load(r.t.Context())
	if p.diags.HasErrors() {
		return &InvalidError{Config: p.config, Diagnostics: p.diags}
	}
	_, err := r.apply(r.t.Context(), p)
	return err
}

// post sends a signed intdash webhook with this delivery UUID to a source and returns the status.
func (r *rig) post(source, delivery string) int {
	r.t.Helper()
	m := intdashsend.NewMessage(time.Now())
	m.DeliveryUUID = delivery
	req, err := intdashsend.NewRequest(r.t.Context(), "http://"+r.listener.Addr().String()+"/hooks/"+source, []byte(testSecret), m.Body())
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// pid is the process of the plugin called name.
func (r *rig) pid(name string) int {
	r.t.Helper()
	p := find(r.current.Load().plugins, func(p *runningPlugin) bool { return p.block.Name == name })
	if p == nil {
		r.t.Fatalf("no plugin %q", name)
	}
	return p.Status().Pid
}

// stats are the journal's for one plugin.
func (r *rig) stats(plugin string) journal.PluginStats {
	r.t.Helper()
	s, err := r.journal.Stats(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return s.Plugins[plugin]
}

// records are the lines that the plugin wrote for deliveries that are done: delivery id, attempt, event id.
func (r *rig) records(file string) []string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, file))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// until polls; the test fails if ok does not become true in time.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			r.t.Fatalf("%s: not in time\n%s", what, r.log.text())
		case <-tick.C:
		}
	}
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// logLines collects a log.
type logLines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logLines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// values returns the attribute key of each line with this message, in order.
func (l *logLines) values(msg, key string) []string {
	var found []string
	for line := range strings.Lines(l.text()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && fields["msg"] == msg {
			found = append(found, fmt.Sprint(fields[key]))
		}
	}
	return found
}
