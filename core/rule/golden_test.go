package rule

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/pointsman/pointsman/core/config"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

var update = flag.Bool("update", false, "rewrite what testdata/golden expects")

// TestGolden compiles rules.hcl of each archive of testdata/golden together with testdata/world.hcl, and matches its events
// (files named event*, envelopes as protojson). The file "want" is what must come out: diagnostics, or the deliveries of each
// event. With the comment "offline" what is not there is only a warning. A new case is a new file, filled in by
// `go test ./core/rule -run TestGolden -update`.
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(cases) < 40 {
		t.Fatalf("found %d cases, %v", len(cases), err)
	}
	world, err := os.ReadFile("testdata/world.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range cases {
		abs, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { golden(t, abs, world) })
	}
}

func golden(t *testing.T, path string, world []byte) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	writeFile(t, "world.hcl", world)
	var want []byte
	var events, kept []txtar.File
	for _, f := range archive.Files {
		switch {
		case f.Name == "want":
			want = f.Data
			continue
		case strings.HasPrefix(f.Name, "event"):
			events = append(events, f)
		default:
			writeFile(t, f.Name, f.Data)
		}
		kept = append(kept, f)
	}
	o := testOptions()
	o.Offline = strings.TrimSpace(string(archive.Comment)) == "offline"
	got := goldenOutput(t, o, events)
	if *update {
		archive.Files = append(kept, txtar.File{Name: "want", Data: got})
		writeFile(t, path, txtar.Format(archive))
		return
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
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
