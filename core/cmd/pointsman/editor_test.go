package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

const editor = root + "/examples/editor/"

// The snippets, filled in with what they suggest, are together a valid configuration. It begins with a block of the language.
func TestSnippets(t *testing.T) {
	var snippets map[string]struct {
		Prefix, Description string
		Body                []string
	}
	readJSON(t, editor+"snippets.json", &snippets)
	var text strings.Builder
	for name, s := range snippets {
		if s.Prefix == "" || s.Description == "" || len(s.Body) == 0 {
			t.Errorf("snippet %q lacks a prefix, a description or a body", name)
		}
		text.WriteString(fillIn(strings.Join(s.Body, "\n")) + "\n\n")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "snippets.hcl"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(programs, filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	validate := exec.Command(filepath.Join(programs, "pointsman"), "validate", "snippets.hcl")
	validate.Dir = dir
	validate.Env = append(os.Environ(), "INTDASH_SECRET=only-for-this-test-0123456789012", "STORE_TOKEN=only-for-this-test-0123456789012",
		"CHAT_TOKEN=only-for-this-test-0123456789012", "SLACK_WEBHOOK_URL=https://hooks.slack.com/services/T/B/x")
	if out, err := validate.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, text.String())
	}
}

// fillIn takes the suggestions of a snippet: ${1:name}, and the first of ${1|a,b|}.
func fillIn(body string) string {
	const dollar = "\x00"
	body = strings.ReplaceAll(body, `\$`, dollar)
	body = regexp.MustCompile(`\$\{\d+:([^}]*)\}`).ReplaceAllString(body, "$1")
	body = regexp.MustCompile(`\$\{\d+\|([^,|]*)[^}]*\}`).ReplaceAllString(body, "$1")
	return strings.ReplaceAll(body, dollar, "$")
}

// The grammar in the repository has every block and function. `make check-gen` compares the rest.
func TestGrammarKnowsTheLanguage(t *testing.T) {
	var grammar struct {
		Repository map[string]struct{ Match string }
	}
	readJSON(t, editor+"pointsman.tmLanguage.json", &grammar)
	model, failed := app.Reference(t.Context(), "")
	if len(failed) > 0 {
		t.Fatal(failed)
	}
	for pattern, names := range map[string][]string{"block": model.NamesOf("blocks"), "call": model.NamesOf("functions")} {
		list := regexp.MustCompile(`\(([a-z0-9_|]+)\)`).FindStringSubmatch(grammar.Repository[pattern].Match)
		if list == nil {
			t.Errorf("no list of names in %q", grammar.Repository[pattern].Match)
			continue
		}
		known := strings.Split(list[1], "|")
		for _, name := range names {
			if !slices.Contains(known, name) {
				t.Errorf("the grammar does not know the %s %q: run make gen", pattern, name)
			}
		}
	}
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// A client of the protocol's own library, as in Visual Studio Code, edits a file.
func TestEditorClient(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"main.hcl":  "source \"s3\" \"store\" {\n  tokens = [env(\"STORE_TOKEN\")]\n}\n\nplugin \"slack\" \"ops\" {\n  settings {\n    webhook_url = env(\"SLACK_WEBHOOK_URL\")\n  }\n}\n",
		"rules.hcl": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(programs, filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	compareNode(t, "client.txt", "client.cjs", filepath.Join(programs, "pointsman"), dir)
}

// The engine of Visual Studio Code reads the grammar as it is meant.
func TestGrammarTokens(t *testing.T) {
	compareNode(t, "tokens.txt", "tokens.cjs", absolute(editor+"pointsman.tmLanguage.json"), absolute("testdata/editor/sample.hcl"))
}

// compareNode runs a script of testdata/editor with the packages of .tools/node, and compares what it prints. UPDATE=1 writes it.
func compareNode(t *testing.T, want, script string, args ...string) {
	t.Helper()
	testenv.Need(t, testenv.Node)
	modules, err := testenv.Cached("node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	node := exec.CommandContext(ctx, node22, append([]string{absolute("testdata/editor/" + script)}, args...)...)
	node.Env = append(os.Environ(), "NODE_PATH="+modules, "STORE_TOKEN=only-for-this-test-0123456789012", "SLACK_WEBHOOK_URL=https://hooks.slack.com/services/T/B/x")
	var problems strings.Builder
	node.Stderr = &problems
	out, err := node.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, problems.String())
	}
	comparePage(t, "testdata/editor/"+want, string(out))
}
