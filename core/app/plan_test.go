package app

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

func TestPlan(t *testing.T) {
	r := newRig(t)
	same := ruleTo("lab", "ops", `text = event.data.action`)
	rule := func(name, when, text string) string {
		return "rule \"" + name + "\" {\n  on = [\"lab\"]\n  when = " + when + "\n  dispatch \"ops\" {\n    text = " + text + "\n  }\n}\n"
	}
	r.start(baseConfig + plugin("ops", "") + same + rule("old", "true", `"x"`) + rule("changed", "true", `"before"`))
	for _, id := range []string{"d1", "d2"} {
		if status := r.post("lab", id); status != 204 {
			t.Fatalf("status %d", status)
		}
	}
	var events []journal.EventRecord
	for _, seq := range []int64{2, 1} {
		e, err := r.journal.Event(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, *e)
	}
	file := func(text string) []*adminv1.ConfigFile {
		return []*adminv1.ConfigFile{{Name: "new.hcl", Text: strings.NewReplacer("DIR", r.dir, "BIN", r.bin).Replace(text)}}
	}
	resp, err := r.plan(file(baseConfig+plugin("ops", "")+same+rule("new", `event.data.delivery_uuid == "d1"`, `"n"`)+rule("changed", "true", `"after"`)), events)
	if err != nil || resp.GetEvents() != 2 {
		t.Fatalf("%v, %v", resp, err)
	}
	var got []string
	for _, c := range resp.GetChanges() {
		line := c.GetRule() + ":"
		for _, e := range c.GetExamples() {
			line += " " + e.GetEventId() + " " + e.GetNow().GetArgumentsJson() + "->" + e.GetPlanned().GetArgumentsJson()
		}
		got = append(got, line)
		if c.GetRule() == "changed" && (c.GetNow() != 2 || c.GetPlanned() != 2 || c.GetDifferent() != 2) || c.GetRule() == "new" && (c.GetNow() != 0 || c.GetPlanned() != 1) {
			t.Errorf("%v", c)
		}
	}
	if len(got) != 3 || !strings.HasPrefix(got[1], "new: d1 ->") || !strings.HasPrefix(got[2], "old: d2 {") {
		t.Fatalf("changes %q, want those of changed, new and old", got)
	}
	if !strings.Contains(got[0], `"before"`) || !strings.Contains(got[0], `"after"`) {
		t.Errorf("%s", got[0])
	}
	if r.current.Load().number != 1 || r.stats("ops").Dead != 0 {
		t.Error("the plan has changed something")
	}

	// The same configuration makes no difference, and mistakes are reported at their line in the file that was given.
	if resp, err := r.plan(file(baseConfig+plugin("ops", "")+same+rule("old", "true", `"x"`)+rule("changed", "true", `"before"`)), events); err != nil || len(resp.GetChanges()) != 0 {
		t.Errorf("the same: %v, %v", resp.GetChanges(), err)
	}
	resp, err = r.plan(file("rule \"x\" {\n  on = [\"nosuch\"]\n}\n"), events)
	if err != nil || len(resp.GetDiagnostics()) == 0 || resp.GetDiagnostics()[0].GetFile() != "new.hcl" {
		t.Errorf("mistakes: %v, %v", resp, err)
	}
	// Whoever may ask for a plan does not choose which programs the router runs.
	marker := filepath.Join(r.dir, "ran")
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\ntouch "+marker+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	resp, err = r.plan(file(baseConfig+"plugin \"noop\" \"evil\" {\n  path = \""+program+"\"\n}\n"), events)
	if err != nil || !slices.ContainsFunc(resp.GetDiagnostics(), func(d *adminv1.Diagnostic) bool {
		return d.GetSeverity() == "error" && strings.Contains(d.GetDetail(), "a plan runs no other program")
	}) {
		t.Errorf("another program: %v, %v", resp, err)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("the plan has run a program that is not in force")
	}
	for name, files := range map[string][]*adminv1.ConfigFile{
		"none": nil, "no name": {{}}, "no text": {{Name: "a\nb.hcl"}}, "twice": {{Name: "x.hcl"}, {Name: "x.hcl"}},
	} {
		if _, err := r.plan(files, events); !errors.Is(err, admin.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// plan compares the rules in force with files by the events.
func (r *rig) plan(files []*adminv1.ConfigFile, events []journal.EventRecord) (*adminv1.PlanResult, error) {
	c, diags, err := r.Plan(r.t.Context(), &adminv1.StreamPlanRequest{Files: files})
	if err != nil || c == nil {
		return &adminv1.PlanResult{Diagnostics: diags}, err
	}
	if err := c.Add(events); err != nil {
		return nil, err
	}
	return c.Result(func(seq int64) (*journal.EventRecord, error) { return r.journal.Event(r.t.Context(), seq) })
}
