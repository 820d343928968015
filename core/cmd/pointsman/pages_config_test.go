package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestConfigPages compares what the commands print about the files of testdata/pages/config.txtar, where no secret is set.
func TestConfigPages(t *testing.T) {
	pages, err := filepath.Abs("testdata/pages")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := txtar.ParseFile(filepath.Join(pages, "config.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string]string{
		"validate":        "validate no-secrets.hcl",
		"validate-strict": "validate --strict no-secrets.hcl",
		"validate-json":   "validate --json no-secrets.hcl",
		"validate-syntax": "validate syntax.hcl",
		"validate-meant":  "validate meant.hcl",
		"fmt-diff":        "fmt --diff --check no-secrets.hcl ugly.hcl",
		"fmt-color":       "fmt --color always syntax.hcl",
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.Symlink(programs, "bin"); err != nil {
				t.Fatal(err)
			}
			for _, f := range archive.Files {
				if err := os.WriteFile(f.Name, f.Data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			code, out, problems := command(t.Context(), strings.Fields(args)...)
			comparePage(t, filepath.Join(pages, name+".txt"), fmt.Sprintf("$ pointsman %s\nexit code %d\n\n--- stdout\n%s\n--- stderr\n%s", args, code, out, problems))
		})
	}
}
