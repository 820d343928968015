package config

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestCompare(t *testing.T) {
	load := func(text string, env map[string]string) *Config {
		t.Helper()
		path := filepath.Join(t.TempDir(), "c.hcl")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Chdir(filepath.Dir(path))
		c, diags := Load(context.Background(), []string{"c.hcl"}, Options{Env: func(name string) (string, bool) {
			v, ok := env[name]
			return v, ok
		}})
		if diags.HasErrors() {
			t.Fatal(diags.Error())
		}
		return c
	}
	const text = "locals {\n  a       = env(\"A\")\n  api_key = \"one\"\n}\n"
	base := load(text, map[string]string{"A": "1"})
	for name, tt := range map[string]struct {
		text                string
		a                   string
		sameText, sameScope bool
	}{
		"the same":                    {text, "1", true, true},
		"another environment":         {text, "2", true, false},
		"a comment":                   {text + "# x\n", "1", false, true},
		"a literal that may be a key": {"locals {\n  a       = env(\"A\")\n  api_key = \"two\"\n}\n", "1", false, false},
	} {
		c := load(tt.text, map[string]string{"A": tt.a})
		if got := base.SameText(c); got != tt.sameText {
			t.Errorf("%s: same text %t", name, got)
		}
		if got := base.SameScope(c); got != tt.sameScope {
			t.Errorf("%s: same scope %t", name, got)
		}
	}
}
