package config

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// FuzzLoad loads any text: it must neither crash nor show a secret, and what it reports can be written.
func FuzzLoad(f *testing.F) {
	cases, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(cases) == 0 {
		f.Fatalf("found %d cases, %v", len(cases), err)
	}
	for _, path := range cases {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasSuffix(file.Name, ".hcl") && len(file.Data) < 4096 {
				f.Add(string(file.Data))
			}
		}
	}
	const secret = "zq-hunter2-zq"
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, "for ") > 5 || strings.Contains(text, secret) {
			return // nested for expressions are exponential by their nature
		}
		cfg, diags := loadText(t, text, "env INTDASH_SECRET="+secret, "env SLACK_WEBHOOK_URL="+secret, "env T="+secret)
		if strings.Contains(shownText(t, diags), secret) {
			t.Error("the diagnostics show a secret")
		}
		for _, r := range cfg.Rules {
			for _, d := range r.Dispatches {
				if d.Plugin == nil {
					t.Error("a dispatch without a plugin")
				}
			}
		}
	})
}
