package rule

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// TestExplainGolden explains the events of each archive of testdata/explain, and compares with its file "want". The other files are as
// in TestGolden.
func TestExplainGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/explain/*.txtar")
	if err != nil || len(cases) < 15 {
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
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { explainGolden(t, abs, world) })
	}
}

func explainGolden(t *testing.T, path string, world []byte) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	writeFile(t, "world.hcl", world)
	var want, got []byte
	var kept []txtar.File
	for _, f := range archive.Files {
		if f.Name == "want" {
			want = f.Data
			continue
		}
		kept = append(kept, f)
		writeFile(t, f.Name, f.Data)
	}
	set, diags := load(t, "rules.hcl", "world.hcl")
	if diags.HasErrors() {
		t.Fatal(diags.Error())
	}
	for _, f := range kept {
		if strings.HasPrefix(f.Name, "event") {
			got = append(got, explainedEvent(t, set, f)...)
		}
	}
	if *update {
		archive.Files = append(kept, txtar.File{Name: "want", Data: got})
		writeFile(t, path, txtar.Format(archive))
		return
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" || len(got) == 0 {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func explainedEvent(t *testing.T, set *Set, f txtar.File) []byte {
	env := &pointsmanv1.Envelope{}
	if err := protojson.Unmarshal(f.Data, env); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	explainAgrees(t, set, env, set.Match(env))
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s:\n", f.Name)
	for _, x := range set.Explain(env, "") {
		fmt.Fprintf(&b, "%s (%s:%d): %s", x.Rule, x.File, x.Line, verdictNames[x.Verdict])
		for name, is := range map[string]bool{", shadow": x.Shadow, ", sampled out": x.SampledOut, ", taken by " + x.TakenBy: x.TakenBy != ""} {
			if is {
				b.WriteString(name)
			}
		}
		b.WriteByte('\n')
		if x.LeftOut != "" {
			fmt.Fprintf(&b, "  left out by the index: %s\n", x.LeftOut)
		}
		writeClauses(&b, "  ", x.Clauses)
		if x.Err != nil {
			fmt.Fprintf(&b, "  error: %v\n", x.Err)
		}
		for _, d := range x.Deliveries {
			writeDelivery(t, &b, d)
		}
	}
	return b.Bytes()
}

var verdictNames = map[Verdict]string{NotMatched: "false", Matched: "true", Failed: "fails", Unknown: "unknown"}

func writeClauses(b *bytes.Buffer, indent string, clauses []Clause) {
	for _, c := range clauses {
		verdict := verdictNames[c.Verdict]
		if c.Skipped {
			verdict = "(" + verdict + ")"
		}
		fmt.Fprintf(b, "%s%d: %s %s%s\n", indent, c.Line, verdict, strings.TrimLeft(c.Operator+" ", " "), c.Text)
		for _, r := range c.Reads {
			value := r.Value
			if r.Presence != Present {
				value = r.Presence.String()
			}
			fmt.Fprintf(b, "%s    %s: %s", indent, r.Text, value)
			if r.Because != "" {
				fmt.Fprintf(b, ", because %s", r.Because)
			}
			b.WriteByte('\n')
		}
		writeClauses(b, indent+"  ", c.Parts)
	}
}
