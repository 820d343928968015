package rule

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/pointsman/pointsman/core/golden"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// TestExplainGolden explains the events of each archive of testdata/explain, and compares with its file "want". The other files are as
// in TestGolden.
func TestExplainGolden(t *testing.T) {
	world := readWorld(t)
	golden.Archives(t, "testdata/explain/*.txtar", 15, func(t *testing.T, a *txtar.Archive) (got []byte) {
		events := inWorld(t, world, a)
		set, diags := load(t, "rules.hcl", "world.hcl")
		if diags.HasErrors() {
			t.Fatal(diags.Error())
		}
		for _, f := range events {
			got = append(got, explainedEvent(t, set, f)...)
		}
		if len(got) == 0 {
			t.Error("there is no event")
		}
		return got
	})
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
