package app

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// running runs the router of a rig as a command does, and returns what ends it and what it ended with.
func (r *rig) running(text string) (stop context.CancelFunc, ended <-chan error) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	o := r.options(text)
	go func() { done <- Run(ctx, o) }()
	r.t.Cleanup(func() {
		cancel()
		if r.t.Failed() {
			r.t.Log(r.log.text())
		}
	})
	return cancel, done
}

// logged are the messages of the log that are among these, in order.
func (r *rig) logged(messages ...string) []string {
	var found []string
	for line := range strings.Lines(r.log.text()) {
		for _, m := range messages {
			if strings.Contains(line, `"msg":"`+m+`"`) {
				found = append(found, m)
			}
		}
	}
	return found
}

func TestStartAndStopOrder(t *testing.T) {
	r := newRig(t)
	stop, ended := r.running(baseConfig + "source \"websocket\" \"chat\" {\n  path = \"/ws\"\n}\n" + plugin("ops", "") + ruleTo("lab", "ops", ""))
	r.until("ready", func() bool { return len(r.log.values("ready", "msg")) == 1 })
	if diff := cmp.Diff([]string{"plugin ready", "source mounted", "source mounted", "ready"}, r.logged("plugin ready", "source mounted", "ready")); diff != "" {
		t.Errorf("start: %s", diff)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	parts := r.log.values("part stopped", "part")
	want := []string{"rates", "watchdog", "server", `source "lab"`, `source "chat"`, `plugin "ops"`, `dispatch to plugin "ops"`, "admin"}
	if diff := cmp.Diff(want, parts); diff != "" {
		t.Errorf("stop: %s", diff)
	}
	if last := r.logged("stopping", "part stopped", "stopped"); last[0] != "stopping" || last[len(last)-1] != "stopped" {
		t.Errorf("logged %q", last)
	}
}

// Whatever fails, Run says what it was and leaves nothing behind: no goroutine (TestMain looks for them), no plugin process, no
// lock of the journal.
func TestPartThatFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	good := baseConfig + plugin("ops", "") + ruleTo("lab", "ops", "")
	for name, tt := range map[string]struct {
		text    string
		want    string
		invalid bool
	}{
		"configuration": {good + "}", "Argument or block definition required", true},
		"server's port": {strings.Replace(good, `server { listen = "127.0.0.1:0" }`, `server { listen = "`+taken.Addr().String()+`" }`, 1), "server.listen", false},
		"admin's port":  {strings.Replace(good, `admin { listen = "127.0.0.1:0" }`, `admin { listen = "`+taken.Addr().String()+`" }`, 1), "admin.listen", false},
		"journal":       {strings.Replace(good, "DIR/journal.db", "/dev/null/journal.db", 1), "journal", false},
		"plugin":        {strings.Replace(good, "settings {", "settings {\n fail_start = \"not today\"", 1), "not today", true},
		"source": {good + `
source "websocket" "gateway" {
  path = "/gateway"
  mode = "apigateway"
  apigateway {
    secrets  = ["` + testSecret + `"]
    endpoint = "http://127.0.0.1:1/dev"
    file     = "/dev/null/connections"
    region   = "eu-west-1"
  }
}
`, `source "gateway"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			_, ended := r.running(tt.text)
			err := <-ended
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run: %v, want %q", err, tt.want)
			}
			if invalid, ok := errors.AsType[*InvalidError](err); ok != tt.invalid {
				t.Errorf("invalid: %v, want %t", invalid, tt.invalid)
			}
			if started := r.log.values("plugin ready", "pid"); len(started) > 0 {
				stopped := r.log.values("part stopped", "part")
				if !slices.Contains(stopped, `plugin "ops"`) {
					t.Errorf("plugin ops was started and not stopped; stopped: %q", stopped)
				}
			}
			again := newRig(t)
			again.dir = r.dir
			again.start(good) // the lock is free
		})
	}
}

// A signal during the start ends it like any other time.
func TestStopDuringStart(t *testing.T) {
	r := newRig(t)
	stop, ended := r.running(baseConfig + plugin("ops", "") + ruleTo("lab", "ops", ""))
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}
