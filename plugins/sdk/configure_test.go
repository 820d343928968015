package sdk_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
)

func TestNotConfigured(t *testing.T) {
	h := plugintest.Open(t, testPlugin(nil))
	for _, got := range append(h.Deliver(plugintest.Event(), do("ok")), h.DeliverBatch(plugintest.Event(), do("ok"))...) {
		if got.GetOutcome() != retry || !strings.Contains(got.GetMessage(), "is not configured") {
			t.Errorf("got %v", got)
		}
	}
	h.Drain(time.Second)
}

func TestConfigure(t *testing.T) {
	problem := func(path, summary string) *pluginv1.Diagnostic {
		return &pluginv1.Diagnostic{Severity: pluginv1.Diagnostic_SEVERITY_ERROR, Path: path, Summary: summary}
	}
	tests := []struct {
		name, settings string
		want           []*pluginv1.Diagnostic
	}{
		{"schema", `{"server": {"port": "x", "prot": 1}}`, []*pluginv1.Diagnostic{
			problem("server.port", "want a number, got a string"), problem("server.prot", "unknown name; known are port"), problem("token", "is required"),
		}},
		{"check", `{"token": "canary-token", "server": {"port": 0}}`, []*pluginv1.Diagnostic{
			{Severity: pluginv1.Diagnostic_SEVERITY_ERROR, Path: "server.port", Summary: "want a port", Detail: "From 1 to 65535."},
		}},
		{"new", `{"token": "canary-token", "refuse": "no: "}`, []*pluginv1.Diagnostic{problem("", "no: (sensitive)")}},
		{"new, several", `{"token": "canary-token", "refuse": "several"}`, []*pluginv1.Diagnostic{problem("token", "one"), problem("server.port", "two")}},
		{"new panics", `{"token": "canary-token", "refuse": "panic"}`, []*pluginv1.Diagnostic{problem("", "panic: cannot start: (sensitive)")}},
		{"warning", `{"token": "canary-token", "server": {"port": 80}}`, []*pluginv1.Diagnostic{
			{Severity: pluginv1.Diagnostic_SEVERITY_WARNING, Path: "server.port", Summary: "is not encrypted"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := plugintest.Open(t, testPlugin(nil))
			if diff := cmp.Diff(tt.want, h.Configure(tt.settings, false), protocmp.Transform()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			works := h.Deliver(plugintest.Event(), do("ok"))[0].GetOutcome() == done
			if works != (tt.name == "warning") {
				t.Errorf("the plugin runs: %v", works)
			}
			if strings.Contains(h.Log(), "canary") {
				t.Errorf("the log shows the token: %s", h.Log())
			}
		})
	}
}

func TestValidateOnly(t *testing.T) {
	p := testPlugin(nil)
	p.New = func(context.Context, settings, sdk.Instance) (sdk.Handler[arguments], error) {
		t.Error("New was called")
		return nil, errors.New("no")
	}
	h := plugintest.Open(t, p)
	if ds := h.Configure(token, true); len(ds) > 0 {
		t.Errorf("got %v", ds)
	}
	if ds := h.Configure(`{"token": "x", "server": {"port": 0}}`, true); len(ds) != 1 {
		t.Errorf("got %v", ds)
	}
}

func TestConfigureTwice(t *testing.T) {
	h := plugintest.Start(t, testPlugin(nil), token)
	if ds := h.Configure(token, false); len(ds) != 1 || !strings.Contains(ds[0].GetSummary(), "already") {
		t.Errorf("got %v", ds)
	}
}
