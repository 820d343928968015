package rule

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// BenchmarkLint looks at 10,000 rules of three clauses.
func BenchmarkLint(b *testing.B) {
	var rules strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&rules, "rule \"r%d\" {\n on = [\"bucket\"]\n when = event.type == \"t%d\" && startswith(event.subject, \"a/\") && event.data.object.size > 1 * mb\n"+
			" dispatch \"ops\" { text = \"x ${event.id}\" }\n}\n", i, i)
	}
	text := rules.String()
	half := strings.LastIndex(text[:len(text)/2], "rule ")
	b.Chdir(b.TempDir())
	writeFile(b, "a.hcl", []byte("source \"s3\" \"bucket\" {}\nplugin \"note\" \"ops\" {}\n"+text[:half]))
	writeFile(b, "b.hcl", []byte(text[half:]))
	set, diags := load(b, "a.hcl", "b.hcl")
	if diags.Len() > 0 || len(set.valid) != 10_000 {
		b.Fatal(diags.Error())
	}
	b.ReportAllocs()
	for b.Loop() {
		if found := set.Lint(time.Now()); len(found) > 0 {
			b.Fatal(found)
		}
	}
}
