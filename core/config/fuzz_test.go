package config

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/tools/txtar"
)

// FuzzPlain checks that nothing is found in the tokens of a text that is parsed without a look at them.
func FuzzPlain(f *testing.F) {
	for _, text := range []string{
		"a = 1\n", "a = 1e9\n", "a = 1234567890123456789\n", "a = .5.5\n", "tok\u212aen = \"x\"\n", "\u017fecret = 2\n", "a = env(\"X\", \"y\")\n",
		"a = \"AKIAIOSFODNN7EXAMPLE\"\n", "a = [[[\"${b}\"]]]\n", strings.Repeat("(", maxBrackets+1), "a = " + strings.Repeat("-", maxDepth) + "1\n",
		"x = <<EOT\n-----BEGIN PRIVATE KEY-----\nEOT\n", "x = \"%{ if a }%{ endif }\"\n", "Api_Key : 7\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !plain([]byte(text)) {
			return
		}
		whole := &file{name: "a.hcl"}
		whole.setText([]byte(text))
		if _, warnings, refused := whole.parse([]byte(text), hcl.InitialPos); refused != nil || len(warnings) > 0 || string(whole.text) != text {
			t.Errorf("refused: %v, warnings: %v, shown as %q", refused, warnings, whole.text)
		}
	})
}

// FuzzLoad loads any text: it must neither crash nor show a secret, and what it reports can be written.
func FuzzLoad(f *testing.F) {
	cases, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(cases) == 0 {
		f.Fatalf("found %d cases, %v", len(cases), err)
	}
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasSuffix(file.Name, ".hcl") && len(file.Data) < 4096 {
				f.Add(string(file.Data))
			}
		}
	}
	path := filepath.Join(f.TempDir(), "config.hcl")
	const secret = "zq-hunter2-zq"
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, "for ") > 5 || strings.Contains(text, secret) {
			return // nested for expressions are exponential by their nature
		}
		writeFile(t, path, []byte(text))
		o := testOptions(strings.ReplaceAll("env INTDASH_SECRET=S\nenv SLACK_WEBHOOK_URL=S\nenv T=S", "=S", "="+secret))
		cfg, diags := Load(t.Context(), []string{path}, o)
		o.Offline = true
		_, offline := Load(t.Context(), []string{path}, o)
		if strings.Contains(shownText(t, diags)+shownText(t, offline), secret) {
			t.Error("the diagnostics show a secret")
		}
		if !diags.HasErrors() && (offline.HasErrors() || offline.Warnings() < diags.Warnings()) {
			t.Errorf("it is right only where it runs: %v", offline)
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
