package config

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// hostile are texts of about n bytes that are deep to parse.
var hostile = map[string]func(n int) string{
	"parentheses":        func(n int) string { return "a = " + strings.Repeat("(", n) },
	"lists":              func(n int) string { return "a = " + strings.Repeat("[", n/2) + strings.Repeat("]", n/2) },
	"objects":            func(n int) string { return "a = " + strings.Repeat("{a=", n/3) },
	"templates":          func(n int) string { return "a = " + strings.Repeat(`"${`, n/3) },
	"blocks":             func(n int) string { return strings.Repeat("a {\n", n/4) },
	"calls":              func(n int) string { return "a = " + strings.Repeat("f(", n/2) },
	"not":                func(n int) string { return "a = " + strings.Repeat("!", n) + "true" },
	"minus":              func(n int) string { return "a = " + strings.Repeat("-", n) + "1" },
	"minus spaced":       func(n int) string { return "a = " + strings.Repeat("- ", n/2) + "1" },
	"sum":                func(n int) string { return "a = 1" + strings.Repeat("+1", n/2) },
	"sum in parentheses": func(n int) string { return "a = (1" + strings.Repeat("+1\n", n/3) + ")" },
	"and":                func(n int) string { return "a = true" + strings.Repeat("&&true", n/6) },
	"conditional":        func(n int) string { return "a = 1" + strings.Repeat("?1:1", n/4) },
	"conditional true":   func(n int) string { return "a = " + strings.Repeat("1?", n/2) },
	"index":              func(n int) string { return "a = f()" + strings.Repeat("[b]", n/3) },
	"splat":              func(n int) string { return "a = b" + strings.Repeat("[*]", n/3) },
	"attribute splat":    func(n int) string { return "a = b" + strings.Repeat(".*", n/2) },
	"for object lines":   func(n int) string { return "a = {\nfor k, v in {} : k => v\n" + strings.Repeat("+v\n", n/3) + "}" },
	"if directives":      func(n int) string { return `a = "` + strings.Repeat("%{if true}", n/10) + `"` },
	"for directives":     func(n int) string { return "a = <<E\n" + strings.Repeat("%{for a in b}", n/13) + "\nE\n" },
	"mismatched":         func(n int) string { return "a = " + strings.Repeat("([)", n/3) },
	"sums inside sums": func(n int) string {
		part := "(1" + strings.Repeat("+1", 4000)
		return "a = " + strings.Repeat(part, n/len(part))
	},
	"comments": func(n int) string { return "a = (1" + strings.Repeat("+1#\n", n/4) + ")" },
}

func TestHostileFilesAreRefused(t *testing.T) {
	for name, build := range hostile {
		t.Run(name, func(t *testing.T) {
			text := build(1 << 16)
			_, diags := parseFile("x.hcl", []byte(text))
			if !diags.HasErrors() {
				t.Fatal("no error")
			}
			if got := diags[0].Summary; got != "Nested too deeply" && got != "Expression too long" {
				t.Errorf("first error is %q: %s", got, diags[0].Detail)
			}
		})
	}
}

// TestHostileFilesBelowTheLimits goes as deep as is allowed, all the way through evaluation. It fails by the death of the
// process.
func TestHostileFilesBelowTheLimits(t *testing.T) {
	for _, build := range hostile {
		for _, n := range []int{90, 900, 4000} {
			text := "locals {\n" + build(n) + "\n}\n"
			_, diags := loadText(t, text)
			shownText(t, diags)
		}
	}
}

func manyLines() string {
	var b strings.Builder
	b.WriteString("a {\n")
	for i := range 20000 {
		fmt.Fprintf(&b, "x%d = -1 + 2 - 3 # note\n", i)
	}
	return b.String() + "}\n"
}

// honest are files with much of everything that the limits count.
var honest = map[string]string{
	"many attributes with comments": manyLines(),
	"long list":                     "a { x = [" + strings.Repeat("1 + 1, ", 20000) + "] }",
	"long object":                   "a { x = {\n" + strings.Repeat("k = 1 + 1\n", 20000) + "} }",
	"long condition":                "a { x = y == 0" + strings.Repeat(" || event.data.object.key == \"x\"", 2000) + "}",
	"long heredoc":                  "a {\nx = <<E\n" + strings.Repeat("${a + b} %{ if c }d%{ else }e%{ endif } {{{{\n", 2000) + "E\n}",
	"brackets in text":              "a { x = \"" + strings.Repeat("([{", 10000) + "\" }\n# " + strings.Repeat("([{", 10000) + "\n/*" + strings.Repeat("([{", 10000) + "*/\n",
	"escaped templates":             "a { x = \"" + strings.Repeat("$${%%{", 10000) + "\" }\n",
	"deep but allowed":              "a { x = " + strings.Repeat("[", 99) + strings.Repeat("]", 99) + " }",
}

func TestHonestFilesAreAccepted(t *testing.T) {
	for name, text := range honest {
		if _, diags := parseFile("x.hcl", []byte(text)); diags.HasErrors() {
			t.Errorf("%s: %v", name, diags[0])
		}
	}
}

func TestBytesRefusedBeforeParsing(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"size", strings.Repeat("#", maxFileBytes+1), "File too large"},
		{"nul", "server {}\n\x00", "File is not text"},
		{"utf-16 little endian", "\xff\xfes\x00", "File is not UTF-8"},
		{"utf-16 big endian", "\xfe\xff\x00s", "File is not UTF-8"},
		{"invalid utf-8", "server { listen = \"\xc3\x28\" }", "Invalid character encoding"},
	} {
		_, diags := parseFile("x.hcl", []byte(c.text))
		if len(diags) == 0 || diags[0].Summary != c.want {
			t.Errorf("%s: got %v, want %q", c.name, diags, c.want)
		}
	}
}

func TestByteOrderMarkIsSkipped(t *testing.T) {
	cfg, diags := loadText(t, "\ufeffserver { listen = \":1\" }\n")
	if diags.Len() > 0 || cfg.Server.Listen != ":1" {
		t.Errorf("listen %q, %v", cfg.Server.Listen, diags)
	}
}

func TestTooManyRules(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		writeFile(t, fmt.Sprintf("%s/%d.hcl", dir, i), []byte(strings.Repeat("rule \"x\" {}\n", maxRules/2+i)))
	}
	_, diags := Load(t.Context(), []string{dir}, testOptions(""))
	if got := diags.Error(); !strings.Contains(got, "Too many rules") || diags.Len() != 1 {
		t.Error(got)
	}
}

func TestJunkGivesFewErrors(t *testing.T) {
	_, diags := parseFile("x.hcl", bytes.Repeat([]byte("= 5 } @ \n"), 50000))
	if n := len(diags); n == 0 || n > maxSyntaxErrors {
		t.Errorf("%d errors", n)
	}
}
