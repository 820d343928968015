package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/core/golden"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/sqlite"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// TestPlans plans what each archive of testdata/plan says. Its files are rules: recorded.hcl has made the deliveries of the journal,
// planned.hcl is planned, and now.hcl, if there is one, is what it is compared with. All are read together with testdata/plan/world.hcl.
// "events" has a line for each event, oldest first, an envelope as protojson; "args" are more flags. "want" is what a user sees. A new
// case is a new file, filled in with UPDATE=1.
func TestPlans(t *testing.T) {
	world, err := os.ReadFile("testdata/plan/world.hcl")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PLAN_SECRET", "only-for-this-test-0123456789012")
	t.Setenv("PLAN_URL", "https://hooks.slack.com/services/T000/B000/XXXXXXXX")
	world = []byte(strings.ReplaceAll(string(world), "BIN", programs))
	golden.Archives(t, "testdata/plan/*.txtar", 12, func(t *testing.T, a *txtar.Archive) []byte {
		writeFile(t, "world.hcl", world)
		files := map[string]string{}
		for _, f := range a.Files {
			files[f.Name] = string(f.Data)
			if strings.HasSuffix(f.Name, ".hcl") {
				writeFile(t, f.Name, f.Data)
			}
		}
		record(t, files["events"], files["recorded.hcl"] != "")
		args := "plan planned.hcl world.hcl"
		if files["now.hcl"] != "" {
			args += " --against now.hcl --against world.hcl"
		}
		args = strings.TrimSpace(args + " " + strings.TrimSpace(files["args"]))
		code, out, problems := command(t.Context(), append(strings.Fields(args), "--journal", "journal.db")...)
		return fmt.Appendf(nil, "$ pointsman %s\nexit code %d\n--- stdout\n%s--- stderr\n%s", args, code, out, problems)
	})
}

// record makes a journal of events, with the deliveries that recorded.hcl makes of them if there is such a file.
func record(t *testing.T, lines string, deliver bool) {
	t.Helper()
	j, err := sqlite.Open(t.Context(), "journal.db", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var rules *app.Offline
	if deliver {
		rules = app.LoadOffline(t.Context(), app.Options{Paths: []string{"recorded.hcl", "world.hcl"}, Log: slog.New(slog.DiscardHandler)})
		if rules.Diagnostics.HasErrors() {
			t.Fatal(rules.Diagnostics)
		}
	}
	n := 0
	for line := range strings.Lines(lines) {
		env := new(pointsmanv1.Envelope)
		if err := protojson.Unmarshal([]byte(line), env); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		entry := journal.Entry{Source: env.GetSource(), ID: env.GetId(), Type: env.GetType(), Received: fakeNow.Add(time.Duration(n-100) * time.Hour)}
		n++
		if env.GetType() == "quarantined" {
			entry.Quarantine = "it is no JSON"
		} else if rules != nil {
			for _, d := range rules.Rules.Match(env) {
				made := journal.NewDelivery{Rule: d.Rule, Plugin: d.Plugin, Arguments: d.Arguments, OrderKey: d.OrderKey, Policy: *d.Policy, Sensitive: d.Sensitive}
				if d.Err != nil {
					made.Arguments, made.Dead = []byte("{}"), d.Err.Error()
				}
				if !d.Shadow {
					entry.Deliveries = append(entry.Deliveries, made)
				}
			}
		}
		if env.GetType() == "replayed" {
			entry.ReplayOf = 1
		}
		if entry.Envelope, err = proto.Marshal(env); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Append(t.Context(), journal.Disk, []journal.Entry{entry}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
