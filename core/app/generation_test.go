package app

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/pluginhost"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// plugin returns a plugin block of kind noop that records into a file of its own name.
func plugin(name, more string) string {
	return fmt.Sprintf("plugin \"noop\" %q {\n%s\n  settings {\n    record = \"DIR/%s\"\n  }\n}\n", name, more, name)
}

// ruleTo returns a rule that sends every event of a source to a plugin.
func ruleTo(source, plugin, arguments string) string {
	return fmt.Sprintf("rule \"%s-to-%s\" {\n  on = [%q]\n  when = true\n  dispatch %q {\n%s\n  }\n}\n", source, plugin, source, plugin, arguments)
}

func TestEqualPartsAreMoved(t *testing.T) {
	r := newRig(t)
	shared := baseConfig + "source \"websocket\" \"chat\" {\n  path = \"/ws\"\n}\n" + plugin("ops", "")
	r.start(shared + ruleTo("lab", "ops", `text = "first"`))
	pid, mounted := r.pid("ops"), len(r.log.values("source mounted", "source"))
	conn, _, _, err := ws.Dial(t.Context(), "ws://"+r.listener.Addr().String()+"/ws?room=lobby")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r.until("member", func() bool { return r.broadcast("lobby", "before") == 1 })

	if err := r.reconfigure(shared + ruleTo("lab", "ops", `text = "second"`)); err != nil {
		t.Fatal(err)
	}
	if g := r.current.Load(); g.number != 2 {
		t.Errorf("generation %d, want 2", g.number)
	}
	if now := r.pid("ops"); now != pid {
		t.Errorf("process %d, want the same as before: %d", now, pid)
	}
	if now := len(r.log.values("source mounted", "source")); now != mounted {
		t.Errorf("%d sources mounted by the second generation, want none", now-mounted)
	}
	if sent := r.broadcast("lobby", "after"); sent != 1 {
		t.Errorf("a message reached %d connections, want the one that was there before", sent)
	}
	for _, want := range []string{"before", "after"} {
		if got, err := wsutil.ReadServerText(conn); err != nil || string(got) != want {
			t.Errorf("read %q, %v; want %q", got, err, want)
		}
	}
	if status := r.post("lab", "d1"); status != http.StatusNoContent {
		t.Errorf("status %d", status)
	}
	r.until("delivery", func() bool { return len(r.records("ops")) == 1 && r.records("ops")[0] != "" })
}

func (r *rig) broadcast(room, text string) int {
	r.t.Helper()
	rooms, err := r.current.Load().rooms.find("chat", "")
	if err != nil {
		r.t.Fatal(err)
	}
	return rooms.Broadcast(room, []byte(text), false, "")
}

// Whatever changes about a plugin, its process is replaced while events arrive, and every delivery is made once.
func TestChangedPluginIsReplaced(t *testing.T) {
	r := newRig(t)
	r.bin = t.TempDir()
	program := filepath.Join(r.bin, "pointsman-plugin-noop")
	content, err := os.ReadFile(filepath.Join(programs, "pointsman-plugin-noop"))
	if err != nil {
		t.Fatal(err)
	}
	install := func(content []byte) {
		t.Helper()
		if err := errors.Join(os.WriteFile(program+".new", content, 0o755), os.Rename(program+".new", program)); err != nil {
			t.Fatal(err)
		}
	}
	install(content)
	rule := ruleTo("lab", "ops", `sleep = "20ms"`)
	r.start(baseConfig + plugin("ops", "") + rule)
	events := 0
	for name, change := range map[string]struct {
		block string
		file  []byte
	}{
		"settings of the router": {plugin("ops", "concurrency = 3"), nil},
		"settings of the plugin": {strings.Replace(plugin("ops", ""), "settings {", "settings {\n token = \"a-secret-of-the-plugin\"", 1), nil},
		"program":                {plugin("ops", ""), append(slices.Clone(content), "another version"...)},
	} {
		t.Run(name, func(t *testing.T) {
			old := r.pid("ops")
			if change.file != nil {
				install(change.file)
			}
			post := func() {
				for range 5 {
					events++
					if status := r.post("lab", fmt.Sprint("event-", events)); status != http.StatusNoContent {
						t.Errorf("status %d", status)
					}
				}
			}
			post()
			if err := r.reconfigure(baseConfig + change.block + rule); err != nil {
				t.Fatal(err)
			}
			if now := r.pid("ops"); now == old || alive(old) || !alive(now) {
				t.Errorf("process %d (alive: %t), before %d (alive: %t)", now, alive(now), old, alive(old))
			}
			post()
			r.until("deliveries", func() bool { return r.stats("ops").Pending == 0 })
		})
	}
	lines := r.records("ops")
	if distinct := len(slices.Compact(slices.Sorted(slices.Values(lines)))); len(lines) != events || distinct != events {
		t.Errorf("%d events, %d deliveries, %d of them distinct", events, len(lines), distinct)
	}
}

func TestRemovedPartsKeepWhatIsPending(t *testing.T) {
	r := newRig(t)
	with := baseConfig + "source \"intdash\" \"field\" {\n  secrets = [\"" + testSecret + "\"]\n}\n" + plugin("ops", "") + plugin("slow", "") +
		ruleTo("lab", "ops", "") + ruleTo("field", "slow", "mode = \"retry\"\n after = \"1ms\"\n until = 3")
	r.start(with)
	gone := r.pid("slow")
	if status := r.post("field", "d1"); status != http.StatusNoContent {
		t.Fatalf("status %d", status)
	}
	if err := r.reconfigure(baseConfig + plugin("ops", "") + ruleTo("lab", "ops", "")); err != nil {
		t.Fatal(err)
	}
	if alive(gone) {
		t.Errorf("process %d of a plugin that is not configured any more lives", gone)
	}
	if status := r.post("field", "d2"); status != http.StatusNotFound {
		t.Errorf("a source that is not configured any more answers %d, want 404", status)
	}
	if status := r.post("lab", "d3"); status != http.StatusNoContent {
		t.Errorf("the source that stayed answers %d, want 204", status)
	}
	pending := r.stats("slow").Pending
	if err := r.reconfigure(with); err != nil {
		t.Fatal(err)
	}
	r.until("delivery that was pending", func() bool { return r.stats("slow").Pending == 0 })
	if lines := r.records("slow"); len(lines) != 1 || !strings.HasSuffix(lines[0], " d1") {
		t.Errorf("%d were pending meanwhile; delivered %q, want one of event d1", pending, lines)
	}
}

// A configuration that cannot be put into force leaves everything as it was.
func TestRefusedConfigurationChangesNothing(t *testing.T) {
	r := newRig(t)
	good := baseConfig + plugin("ops", "") + ruleTo("lab", "ops", "")
	r.start(good)
	pid := r.pid("ops")
	for name, tt := range map[string]struct{ text, want string }{
		"syntax":              {good + "}", "Argument or block definition required"},
		"unknown plugin":      {good + ruleTo("lab", "nobody", ""), "nobody"},
		"plugin that refuses": {good + "plugin \"noop\" \"bad\" {\n  settings {\n    fail_start = \"not today\"\n  }\n}\n", "not today"},
		"another port":        {strings.Replace(good, `server { listen = "127.0.0.1:0" }`, `server { listen = "127.0.0.1:1" }`, 1), "server changed: restart the router"},
		"another journal":     {strings.Replace(good, "journal.db", "other.db", 1), "journal changed: restart the router"},
	} {
		t.Run(name, func(t *testing.T) {
			err := r.reconfigure(tt.text)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if g := r.current.Load(); g.number != 1 || r.pid("ops") != pid || len(g.plugins) != 1 {
				t.Errorf("generation %d, process %d, %d plugins", g.number, r.pid("ops"), len(g.plugins))
			}
		})
	}
	if status := r.post("lab", "d1"); status != http.StatusNoContent {
		t.Errorf("status %d", status)
	}
	r.until("delivery", func() bool { return strings.HasSuffix(r.records("ops")[0], " d1") })
}

// A request that a source was serving at the swap is decided by the rules it arrived under.
func TestRequestAcrossTheSwap(t *testing.T) {
	r := newRig(t)
	r.start(baseConfig + plugin("ops", "") + ruleTo("lab", "ops", ""))
	first := r.current.Load()
	renamed := strings.Replace(baseConfig, `"lab"`, `"field"`, 1) + plugin("ops", "") + ruleTo("field", "ops", "")
	if err := r.reconfigure(renamed); err != nil {
		t.Fatal(err)
	}
	if g := r.generationOf("lab"); g != first {
		t.Errorf("generation %d decides about a source that only the first has", g.number)
	}
	if g := r.generationOf("field"); g == first {
		t.Error("the first generation decides about a source that it does not have")
	}
}

// A source that becomes sensitive is another source: its events say so from then on.
func TestSourceBecomesSensitive(t *testing.T) {
	r := newRig(t)
	r.start(baseConfig)
	for i, want := range []bool{false, true} {
		if want {
			if err := r.reconfigure(strings.NewReplacer(`"lab" { `, "\"lab\" {\n", `"] }`, "\"]\nsensitive = true\n}").Replace(baseConfig)); err != nil {
				t.Fatal(err)
			}
		}
		if status := r.post("lab", fmt.Sprint("d", i)); status != http.StatusNoContent {
			t.Fatalf("status %d", status)
		}
		stored, err := r.journal.Event(t.Context(), int64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		var env pointsmanv1.Envelope
		if err := proto.Unmarshal(stored.Envelope, &env); err != nil {
			t.Fatal(err)
		}
		if env.GetSensitive() != want || env.GetVerifiedBy() != "secret 1" {
			t.Errorf("event %d: sensitive %t, verified by %q", i, env.GetSensitive(), env.GetVerifiedBy())
		}
	}
}

// A plugin whose program is broken and mended again is started by a reload, although the configuration is the same. A restart waits
// and says when the plugin does not start.
func TestReloadStartsFailedPlugin(t *testing.T) {
	r := newRig(t)
	r.bin = t.TempDir()
	program := filepath.Join(r.bin, "pointsman-plugin-noop")
	content, err := os.ReadFile(filepath.Join(programs, "pointsman-plugin-noop"))
	if err != nil {
		t.Fatal(err)
	}
	install := func(content []byte) {
		t.Helper()
		if err := errors.Join(os.WriteFile(program+".new", content, 0o755), os.Rename(program+".new", program)); err != nil {
			t.Fatal(err)
		}
	}
	install(content)
	text := baseConfig + plugin("ops", "") + ruleTo("lab", "ops", "")
	r.start(text)
	r.serveReloads()
	if err := r.RestartPlugin(t.Context(), "ops"); err != nil {
		t.Fatal(err)
	}
	install([]byte("#!/bin/sh\necho broken >&2\nexit 3\n"))
	if err := r.RestartPlugin(t.Context(), "ops"); !errors.Is(err, admin.ErrPrecondition) || !strings.Contains(err.Error(), "exited with status 3") {
		t.Fatalf("restart with a broken program: %v", err)
	}
	install(content)
	resp, err := r.reload(text)
	if err != nil || resp.GetChanged() || len(resp.GetChanges()) != 1 || resp.GetChanges()[0] != `plugin "ops" is started again` {
		t.Fatalf("reload: %v, %v", resp, err)
	}
	r.until("plugin", func() bool { return r.current.Load().plugins[0].State() == pluginhost.Ready })
	if err := r.RestartPlugin(t.Context(), "nosuch"); !errors.Is(err, admin.ErrNotFound) {
		t.Errorf("restart of nobody: %v", err)
	}
}
