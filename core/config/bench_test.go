package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkLoad loads a file of nearly the greatest size.
func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	text.WriteString("source \"intdash\" \"lab\" {\n  secrets = [env(\"S\")]\n}\nplugin \"slack\" \"ops\" {\n  settings {\n    webhook_url = env(\"S\")\n  }\n}\n")
	for i := range 5000 {
		fmt.Fprintf(&text, "rule \"r%d\" {\n  on   = [\"lab\"]\n  when = event.type == \"t%d\" && startswith(event.subject, \"a\")\n  dispatch \"ops\" {\n    text = \"hello ${event.id}\"\n  }\n}\n", i, i)
	}
	path := filepath.Join(b.TempDir(), "config.hcl")
	writeFile(b, path, []byte(text.String()))
	o := testOptions("env S=x")
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := Load(b.Context(), []string{path}, o); diags.Len() > 0 {
			b.Fatal(diags)
		}
	}
}
