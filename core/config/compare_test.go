package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func loadFor(t *testing.T, text string, env map[string]string) *Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(path))
	o := testOptions("")
	o.Env = func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}
	c, diags := Load(context.Background(), []string{"c.hcl"}, o)
	if diags.HasErrors() {
		t.Fatal(diags.Error())
	}
	return c
}

// TestSameRule sees what a rule of for_each is made of: its text and its item.
func TestSameRule(t *testing.T) {
	const rule = "rule \"r\" {\n  on = [\"chat\"]\n  when = true\n  %s\n  dispatch \"ops\" { text = \"x\" }\n}\n"
	load := func(attribute, list string) *Config {
		t.Helper()
		return loadFor(t, "source \"websocket\" \"chat\" {}\nplugin \"slack\" \"ops\" {\n  settings { webhook_url = env(\"S\") }\n}\nlocals {\n  l = "+list+"\n}\n"+
			fmt.Sprintf(rule, attribute), map[string]string{"S": "x"})
	}
	base := load("for_each = local.l", `{ a = 1, b = 2 }`)
	for name, tt := range map[string]struct {
		other *Config
		same  []bool
	}{
		"the same":      {load("for_each = local.l", `{ a = 1, b = 2 }`), []bool{true, true}},
		"one value":     {load("for_each = local.l", `{ a = 1, b = 3 }`), []bool{true, false}},
		"an attribute":  {load("for_each = local.l\n  mode = \"shadow\"", `{ a = 1, b = 2 }`), []bool{false, false}},
		"no for_each":   {load("enabled = false", `{ a = 1, b = 2 }`), []bool{false}},
		"another order": {load("for_each = local.l", `{ b = 2, a = 1 }`), []bool{true, true}},
	} {
		for i, want := range tt.same {
			if got := base.SameRule(base.Rules[i], tt.other, tt.other.Rules[i]); got != want {
				t.Errorf("%s: rule %d is the same: %t", name, i, got)
			}
		}
	}
}

func TestCompare(t *testing.T) {
	const text = "locals {\n  a       = env(\"A\")\n  api_key = \"one\"\n}\n"
	base := loadFor(t, text, map[string]string{"A": "1"})
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
		c := loadFor(t, tt.text, map[string]string{"A": tt.a})
		if got := base.SameText(c); got != tt.sameText {
			t.Errorf("%s: same text %t", name, got)
		}
		if got := base.SameScope(c); got != tt.sameScope {
			t.Errorf("%s: same scope %t", name, got)
		}
	}
}
