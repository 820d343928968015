package config

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"aligned", "rule \"r\" {\n  on=[\"a\"]\n\twhen   =   true\n}\n", "rule \"r\" {\n  on   = [\"a\"]\n  when = true\n}\n"},
		{"comments", "# a\nlocals{ // b\n a=1 /* c */\n}\n", "# a\nlocals { // b\n  a = 1 /* c */\n}\n"},
		{"heredoc", "locals {\n  a = <<EOT\n   x\n     y  \nEOT\n}\n", "locals {\n  a = <<EOT\n   x\n     y  \nEOT\n}\n"},
		{"byte order mark", "\xEF\xBB\xBFlocals{}\n", "locals {}\n"},
		{"operators", "locals {\n  a = ( 1+2 )*3 == 4 ? \"${ x }\":y[ 0 ]\n}\n", "locals {\n  a = (1 + 2) * 3 == 4 ? \"${x}\" : y[0]\n}\n"},
	} {
		got, diags := Format("config.hcl", []byte(c.text))
		if diags.Len() > 0 {
			t.Errorf("%s: %s", c.name, diags.Error())
		}
		if diff := cmp.Diff(c.want, string(got)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.name, diff)
		}
	}
}

// What is refused before HCL's parser sees it is refused here too, and what does not parse gets its diagnostic.
func TestFormatRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"locals {":  "Unclosed configuration block",
		"a = b = c": "Written as in another language",
		"a = " + strings.Repeat("[", 1001) + strings.Repeat("]", 1001): "Nested too deeply",
		strings.Repeat("#", maxFileBytes+1):                            "File too large",
		"a = \x00":                                                     "File is not text",
	} {
		got, diags := Format("config.hcl", []byte(text))
		if got != nil || !strings.Contains(diags.Error(), want) {
			t.Errorf("%.20q: %q, %v", text, got, diags)
		}
	}
}

// Every configuration that people copy from is formatted.
func TestEverythingIsFormatted(t *testing.T) {
	found := 0
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != "../.." && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata"):
			return fs.SkipDir
		case filepath.Ext(path) != ".hcl":
			return nil
		}
		found++
		before, after, diags := FormatFile(path)
		if diags.Len() > 0 || !bytes.Equal(before, after) {
			t.Errorf("%s is not formatted: run pointsman fmt --recursive. %v\n%s", path, diags, cmp.Diff(string(after), string(before)))
		}
		return nil
	})
	if err != nil || found < 6 {
		t.Errorf("found %d files, %v", found, err)
	}
}

// FuzzFormat: formatting again changes nothing, and the blocks mean the same.
func FuzzFormat(f *testing.F) {
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
	f.Fuzz(func(t *testing.T, text string) {
		once, diags := Format("a.hcl", []byte(text))
		if once == nil {
			if _, parsed := parseFile("a.hcl", []byte(text)); !parsed.HasErrors() {
				t.Errorf("not formatted: %v", diags)
			}
			return
		}
		twice, diags := Format("a.hcl", once)
		if !bytes.Equal(once, twice) {
			t.Errorf("formatted again: %v\n%s", diags, cmp.Diff(string(once), string(twice)))
		}
		before, _ := parseFile("a.hcl", []byte(text))
		after, _ := parseFile("a.hcl", once)
		if diff := cmp.Diff(outline(before), outline(after)); diff != "" {
			t.Errorf("it means something else: %s", diff)
		}
	})
}

// outline is the text of the expressions and the headers of the blocks of a file.
func outline(f *file) []string {
	var out []string
	for _, t := range f.tokens {
		out = append(out, t.Type.GoString()+" "+strings.TrimSpace(string(t.Bytes)))
	}
	return out
}

func TestFilesToFormat(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a.hcl", "b.txt", "sub/c.hcl", "sub/deep/d.test.hcl", ".hidden/e.hcl"} {
		writeFile(t, name, nil)
	}
	if err := os.Mkdir("none", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path      string
		recursive bool
		want      []string
		errors    int
	}{
		{".", false, []string{"a.hcl"}, 0},
		{".", true, []string{"a.hcl", "sub/c.hcl", "sub/deep/d.test.hcl"}, 0},
		{"sub/c.hcl", true, []string{"sub/c.hcl"}, 0},
		{"none", false, nil, 1},
		{"missing", true, nil, 1},
	} {
		got, diags := FilesToFormat([]string{c.path}, c.recursive)
		if diff := cmp.Diff(c.want, got); diff != "" || diags.Errors() != c.errors {
			t.Errorf("%s: %s %v", c.path, diff, diags)
		}
	}
}
