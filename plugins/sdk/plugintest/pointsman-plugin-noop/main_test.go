package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	plugintest.Run(t, plugin(), plugintest.Conformance{
		Settings:    `{"token": "canary-token"}`,
		Failing:     `{"token": "canary-token-2", "record": "/dev/full"}`,
		BadSettings: map[string]string{"fail_start": `{"fail_start": "no"}`, "record": `{"record": "/nowhere/at/all"}`},
		Arguments:   `{"text": "hello"}`,
	})
}

func TestModes(t *testing.T) {
	record := filepath.Join(t.TempDir(), "record")
	h := plugintest.Start(t, plugin(), `{"token": "canary-token", "record": "`+record+`"}`)
	h.Timeout = 5 * time.Second
	env := plugintest.Event()
	for arguments, want := range map[string]pluginv1.Outcome{
		`{"text": "t"}`:                     pluginv1.Outcome_OUTCOME_DONE,
		`{"mode": "retry", "after": "1m"}`:  pluginv1.Outcome_OUTCOME_RETRY,
		`{"mode": "reject"}`:                pluginv1.Outcome_OUTCOME_REJECT,
		`{"mode": "panic"}`:                 pluginv1.Outcome_OUTCOME_RETRY,
		`{"mode": "leak"}`:                  pluginv1.Outcome_OUTCOME_RETRY,
		`{"mode": "sleep", "sleep": "1ms"}`: pluginv1.Outcome_OUTCOME_DONE,
		`{"mode": "sleep", "sleep": "1h"}`:  pluginv1.Outcome_OUTCOME_RETRY,
		`{"mode": "reject", "until": 1}`:    pluginv1.Outcome_OUTCOME_REJECT,
	} {
		got := h.Deliver(env, arguments)[0]
		if got.GetOutcome() != want || strings.Contains(got.GetMessage(), "canary") {
			t.Errorf("%s: got %v", arguments, got)
		}
	}
	second := h.NewDelivery(env, `{"mode": "reject", "until": 1}`)
	second.Attempt = 2
	if got := h.Send(second)[0]; got.GetOutcome() != pluginv1.Outcome_OUTCOME_DONE {
		t.Errorf("after until: %v", got)
	}
	lines, err := os.ReadFile(record)
	if err != nil || strings.Count(string(lines), "\n") != 3 || !strings.Contains(string(lines), second.GetId()+" 2 "+env.GetId()+"\n") {
		t.Errorf("record: %v\n%s", err, lines)
	}
}

func TestRejectsEverything(t *testing.T) {
	record := filepath.Join(t.TempDir(), "record")
	h := plugintest.Start(t, plugin(), `{"reject": "not now", "record": "`+record+`"}`)
	got := h.Deliver(plugintest.Event(), `{"mode": "ok"}`)[0]
	if got.GetOutcome() != pluginv1.Outcome_OUTCOME_REJECT || got.GetMessage() != "not now" {
		t.Errorf("got %v", got)
	}
	if lines, err := os.ReadFile(record); err != nil || len(lines) != 0 {
		t.Errorf("record: %v\n%s", err, lines)
	}
}
