package ruletest_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/core/golden"
)

// TestGolden runs the tests in each archive of testdata/golden, with world.hcl as its configuration unless it has one. The comment may
// have lines `make NAME SIZE TEXT`, which make a file that repeats a text, and a line `coverage`. The file "want" is what must come out: what is wrong
// with the tests, or their results. A new case is a new file, filled in by `UPDATE=1 go test ./core/ruletest -run TestGolden`.
func TestGolden(t *testing.T) {
	world, err := os.ReadFile("testdata/world.hcl")
	if err != nil {
		t.Fatal(err)
	}
	golden.Archives(t, "testdata/golden/*.txtar", 40, func(t *testing.T, a *txtar.Archive) []byte {
		own := false
		for _, f := range a.Files {
			own = own || strings.HasSuffix(f.Name, ".hcl") && !strings.HasSuffix(f.Name, ".test.hcl")
			writeFile(t, f.Name, f.Data)
		}
		if !own {
			writeFile(t, "world.hcl", world)
		}
		for line := range strings.Lines(string(a.Comment)) {
			var name, text string
			var size int
			if _, err := fmt.Sscanf(line, "make %s %d %q", &name, &size, &text); err == nil {
				writeFile(t, name, bytes.Repeat([]byte(text), size/len(text)+1)[:size])
			}
		}
		return goldenOutput(t, strings.Contains(string(a.Comment), "\ncoverage\n"))
	})
}

func goldenOutput(t *testing.T, coverage bool) []byte {
	run, err := app.TestRules(t.Context(), app.Options{Paths: []string{"."}}, app.TestOptions{Now: func() time.Time { return time.Time{} }})
	var b bytes.Buffer
	if err != nil {
		fmt.Fprintf(&b, "Error: %v\n", err)
		return b.Bytes()
	}
	for _, d := range run.Diagnostics {
		if !d.HasErrors() {
			continue // only warnings, about plugins that are not installed
		}
		if err := d.WriteText(&b, 120, false); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range run.Results {
		fmt.Fprintf(&b, "%s:%d %s: %s\n", r.File, r.Line, strconv.Quote(r.Name), map[bool]string{true: "passed", false: "failed"}[r.Passed()])
		for _, f := range r.Failures {
			b.WriteString(f.Text(r.File))
		}
	}
	if coverage {
		b.WriteString("coverage:\n")
		if err := run.Coverage.WriteLCOV(&b); err != nil {
			t.Fatal(err)
		}
	}
	if run.HasErrors() != (len(run.Results) == 0) {
		t.Errorf("errors: %v, %d results", run.HasErrors(), len(run.Results))
	}
	return b.Bytes()
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
