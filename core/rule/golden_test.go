package rule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/golden"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// TestGolden compiles rules.hcl of each archive of testdata/golden together with testdata/world.hcl, and matches its events
// (files named event*, envelopes as protojson). The file "want" is what must come out: diagnostics, or the deliveries of each
// event. With the comment "offline" what is not there is only a warning. A new case is a new file, filled in by
// `UPDATE=1 go test ./core/rule -run TestGolden`.
func TestGolden(t *testing.T) {
	world := readWorld(t)
	golden.Archives(t, "testdata/golden/*.txtar", 40, func(t *testing.T, a *txtar.Archive) []byte {
		o := testOptions()
		o.Offline = strings.TrimSpace(string(a.Comment)) == "offline"
		return goldenOutput(t, o, inWorld(t, world, a))
	})
}

func readWorld(t *testing.T) []byte {
	t.Helper()
	world, err := os.ReadFile("testdata/world.hcl")
	if err != nil {
		t.Fatal(err)
	}
	return world
}

// inWorld writes the configuration of an archive beside world.hcl, and returns the events.
func inWorld(t *testing.T, world []byte, a *txtar.Archive) (events []txtar.File) {
	writeFile(t, "world.hcl", world)
	for _, f := range a.Files {
		if strings.HasPrefix(f.Name, "event") {
			events = append(events, f)
			continue
		}
		writeFile(t, f.Name, f.Data)
	}
	return events
}

func goldenOutput(t *testing.T, o config.Options, events []txtar.File) []byte {
	set, diags := loadWith(t, o, "rules.hcl", "world.hcl")
	var b bytes.Buffer
	if err := diags.WriteText(&b, 120, false); err != nil {
		t.Fatal(err)
	}
	if diags.HasErrors() {
		return b.Bytes()
	}
	if len(events) == 0 {
		t.Error("there are no errors, so there must be an event")
	}
	for _, file := range events {
		fmt.Fprintf(&b, "%s:\n", file.Name)
		env := &pointsmanv1.Envelope{}
		if err := protojson.Unmarshal(file.Data, env); err != nil {
			t.Fatalf("%s: %v", file.Name, err)
		}
		matched := set.Match(env)
		for _, d := range matched {
			writeDelivery(t, &b, d)
		}
		explainAgrees(t, set, env, matched)
	}
	return b.Bytes()
}

// writeDelivery checks what holds for every delivery, and writes what is particular to this one.
func writeDelivery(t *testing.T, b *bytes.Buffer, d Delivery) {
	if d.Policy == nil || d.Policy.Timeout <= 0 || (d.Err == nil) != json.Valid(d.Arguments) {
		t.Errorf("bad delivery: %+v", d)
	}
	fmt.Fprintf(b, "  %s -> %s", d.Rule, d.Plugin)
	if d.Shadow {
		b.WriteString(" (shadow)")
	}
	if d.OrderKey != "" {
		fmt.Fprintf(b, " in order of %q", d.OrderKey)
	}
	if d.Err != nil {
		fmt.Fprintf(b, "\n    error: %v\n", d.Err)
		return
	}
	fmt.Fprintf(b, "\n    %s\n", d.Arguments)
}

// load reads files from the working directory as app does.
func load(t testing.TB, paths ...string) (*Set, *config.Diagnostics) {
	t.Helper()
	return loadWith(t, testOptions(), paths...)
}

func loadWith(t testing.TB, o config.Options, paths ...string) (*Set, *config.Diagnostics) {
	t.Helper()
	cfg, diags := config.Load(t.Context(), paths, o)
	set, found := Compile(cfg)
	diags.Append(found...)
	diags.Append(set.Lint(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC))...)
	return set, diags
}

func writeFile(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
