package config

import (
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

func evaluate(t *testing.T, text string) (cty.Value, hcl.Diagnostics) {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(text), "x", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return expr.Value(&hcl.EvalContext{Variables: rootValues(nil, nil), Functions: pureFunctions()})
}

// TestFunctions has pairs of expressions that must be equal; "error" must fail.
func TestFunctions(t *testing.T) {
	for _, c := range [][2]string{
		{`lower("ÄB")`, `"äb"`},
		{`upper("äb")`, `"ÄB"`},
		{`trimspace(" a\n")`, `"a"`},
		{`trim("xax", "x")`, `"a"`},
		{`trimprefix("ab", "a")`, `"b"`},
		{`trimsuffix("ab", "b")`, `"a"`},
		{`replace("a.b.c", ".", "-")`, `"a-b-c"`},
		{`join(",", split("/", "a/b"))`, `"a,b"`},
		{`format("%s=%d %.1f", "a", 2, 1.25)`, `"a=2 1.2"`},
		{`format("%s %d%%", "1e99999999", "7")`, `"1e99999999 7%"`},
		{`format("%d%% %d", "7", "1e99999999")`, `error`},
		{`format("%d", "1p99999999")`, `error`},
		{`format("%[2]d", "7", "1e99999999")`, `error`},
		{`tonumber("1e99999999")`, `error`},
		{`tonumber("-0.1e-99999999")`, `error`},
		{`tonumber("1e300")`, `1e300`},
		{`jsondecode("{\"n\":1e10000000}")`, `error`},
		{`jsondecode("[18446744073709551615]")[0]`, `18446744073709551615`},
		{`substr("héllo", 1, 2)`, `"él"`},
		{`startswith("img/a.png", "img/")`, `true`},
		{`startswith(null, "a")`, `error`},
		{`endswith("img/a.png", ".png")`, `true`},
		{`contains(["a", "b"], "b")`, `true`},
		{`contains(["a", 1, null], null)`, `true`},
		{`contains(["a"], null)`, `false`},
		{`contains([], "a")`, `false`},
		{`contains("abc", "b")`, `true`},
		{`contains("abc", 1)`, `error`},
		{`contains("abc", null)`, `error`},
		{`contains({}, "a")`, `error`},
		{`contains(null, "a")`, `error`},
		{`matches("^a+$", "aaa")`, `true`},
		{`matches("b", "abc")`, `true`},
		{`matches("(", "abc")`, `error`},
		{`glob("img/*.png", "img/a.png")`, `true`},
		{`glob("img/*.png", "img/a/b.png")`, `false`},
		{`glob("img/**.png", "img/a/b.png")`, `true`},
		{`glob("a?[0-9][!x]", "ab7y")`, `true`},
		{`glob("a?[0-9][!x]", "ab7x")`, `false`},
		{`glob("a.c", "abc")`, `false`},
		{`glob("a\\*", "a*")`, `true`},
		{`glob("a\\*", "ab")`, `false`},
		{`glob("[", "x")`, `error`},
		{`glob("*", "a\nb")`, `true`},
		{`cidr_contains("10.0.0.0/8", "10.1.2.3")`, `true`},
		{`cidr_contains("10.0.0.0/8", "::ffff:10.1.2.3")`, `true`},
		{`cidr_contains("fd00::/8", "fd00::1%eth0")`, `true`},
		{`cidr_contains("10.0.0.0/8", "11.0.0.1")`, `false`},
		{`cidr_contains("10.0.0.0/8", "x")`, `error`},
		{`cidr_contains("10.0.0.0", "10.0.0.1")`, `error`},
		{`length("héllo")`, `5`},
		{`length([1, 2])`, `2`},
		{`length({ a = 1 })`, `1`},
		{`length(5)`, `error`},
		{`length(concat([1], [2, 3]))`, `3`},
		{`coalesce(null, "a")`, `"a"`},
		{`get({ a = { b = [{ c = 7 }] } }, "a.b.0.c")`, `7`},
		{`get({ a = 1 }, "a.b.c", "none")`, `"none"`},
		{`get({ a = null }, "a", "none")`, `"none"`},
		{`get({ a = 1 }, "b") == null`, `true`},
		{`get(null, "b", 5)`, `5`},
		{`get([1, 2], "1")`, `2`},
		{`get([1, 2], "-1", 9)`, `9`},
		{`get({}, "", 9)`, `9`},
		{`get({}, "a", 1, 2)`, `error`},
		{`min(3, 1, 2)`, `1`},
		{`max(3, 1, 2)`, `3`},
		{`abs(-1.5)`, `1.5`},
		{`ceil(1.1)`, `2`},
		{`floor(1.9)`, `1`},
		{`parseint("ff", 16)`, `255`},
		{`tostring(1.5)`, `"1.5"`},
		{`tonumber("1.5")`, `1.5`},
		{`tobool("true")`, `true`},
		{`jsondecode("{\"a\":[1]}").a[0]`, `1`},
		{`jsonencode({ a = [1, "b", null] })`, `"{\"a\":[1,\"b\",null]}"`},
		{`formatdate("YYYY-MM-DD hh:mm", "2026-01-02T03:04:05Z")`, `"2026-01-02 03:04"`},
		{`timecmp("2026-01-02T03:04:05Z", "2026-01-02T04:04:05+01:00")`, `0`},
		{`timecmp("2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z")`, `-1`},
		{`timecmp("x", "2026-01-02T03:04:06Z")`, `error`},
		{`duration("1h30m")`, `5400`},
		{`duration("7d")`, `604800`},
		{`duration("soon")`, `error`},
		{`base64encode("héllo")`, `"aMOpbGxv"`},
		{`base64decode("aMOpbGxv")`, `"héllo"`},
		{`base64decode("/w==")`, `error`},
		{`sha256("abc")`, `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`},
		{`urlencode("a b&c=é")`, `"a+b%26c%3D%C3%A9"`},
		{`10 * mb`, `10485760`},
		{`gb / kb`, `1048576`},
	} {
		got, diags := evaluate(t, c[0])
		if c[1] == "error" {
			if !diags.HasErrors() {
				t.Errorf("%s is %#v, want an error", c[0], got)
			}
			continue
		}
		want, _ := evaluate(t, c[1])
		if diags.HasErrors() || !got.RawEquals(want) {
			t.Errorf("%s is %#v, want %s, %v", c[0], got, c[1], diags)
		}
	}
}

func TestEveryFunctionIsDocumented(t *testing.T) {
	for _, f := range Functions() {
		if !strings.HasSuffix(f.Doc, ".") || f.Family == "" || f.Returns == "" || len(f.Parameters) == 0 || len(f.Examples) == 0 {
			t.Errorf("%s is not documented: %+v", f.Name, f)
		}
		for _, p := range f.Parameters {
			if p.Type == "" {
				t.Errorf("%s: what type has %s?", f.Name, p.Name)
			}
		}
		if f.Secret != secretNames[f.Name] {
			t.Errorf("%s: is it secret?", f.Name)
		}
		if again, ok := FunctionNamed(f.Name); !ok || again.Signature != f.Signature {
			t.Errorf("two functions have the name %s", f.Name)
		}
	}
}

// TestExamples evaluates the examples as values of locals are. core/rule does the same as rules are.
func TestExamples(t *testing.T) {
	for _, f := range Functions() {
		for _, example := range f.Examples {
			if f.Secret {
				secretExample(t, example)
				continue
			}
			if f.RulesOnly {
				continue
			}
			got, diags := evaluate(t, example.Expression)
			want, _ := evaluate(t, example.Result)
			if diags.HasErrors() || asJSON(t, got) != asJSON(t, want) {
				t.Errorf("%s is %#v, want %s, %v", example.Expression, got, example.Result, diags)
			}
		}
	}
}

func secretExample(t *testing.T, example FunctionExample) {
	t.Helper()
	t.Chdir(t.TempDir())
	writeFile(t, "token.txt", []byte("hunter2\n"))
	writeFile(t, "config.hcl", []byte("locals {\n  a = "+example.Expression+"\n}\n"))
	cfg, diags := Load(t.Context(), []string{"config.hcl"}, testOptions(""))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	got, sensitive := unmark(cfg.Scope.Variables["local"].GetAttr("a"))
	want, _ := evaluate(t, example.Result)
	if !got.RawEquals(want) || !sensitive && !strings.HasPrefix(example.Expression, "env") {
		t.Errorf("%s is %#v, want %s", example.Expression, got, example.Result)
	}
}

// asJSON makes lists, tuples and sets with equal elements equal.
func asJSON(t *testing.T, v cty.Value) string {
	t.Helper()
	b, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMarksPassThroughFunctions(t *testing.T) {
	cfg, diags := loadText(t, `locals { a = get(jsondecode("{\"b\":${jsonencode(sha256(upper(env("S"))))}}"), "b") }`, "env S=hunter2")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if !cfg.Scope.Variables["local"].GetAttr("a").ContainsMarked() {
		t.Error("what is made of a secret is not sensitive")
	}
}

func TestPatternLength(t *testing.T) {
	if _, err := CompilePattern(strings.Repeat("a", maxPatternBytes+1)); err == nil {
		t.Error("a pattern above the limit compiles")
	}
	if _, err := CompileGlob(strings.Repeat("a", maxPatternBytes+1)); err == nil {
		t.Error("a glob above the limit compiles")
	}
}

func FuzzGlob(f *testing.F) {
	for _, s := range []string{"img/*.png", "**", "[a-z]?", `\*`, "[!^]]", "[[:alpha:]]", "[z-a]", "\xff"} {
		f.Add(s, "img/a.png")
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		re, err := CompileGlob(pattern)
		if err == nil && !strings.ContainsAny(pattern, `*?[\`) && re.MatchString(s) != (pattern == s) {
			t.Errorf("plain pattern %q on %q: %v", pattern, s, re.MatchString(s))
		}
	})
}

// TestZones loads every zone that rules may name.
func TestZones(t *testing.T) {
	zones := knownZones()
	if len(zones) < 500 || !slices.IsSorted(zones) {
		t.Fatalf("%d zones, sorted: %v", len(zones), slices.IsSorted(zones))
	}
	for _, name := range zones {
		if zone, err := Zone(name); err != nil || zone.String() != name {
			t.Errorf("%s: %v, %v", name, zone, err)
		}
	}
}

// TestFunctionsInLocals has locals with their values; what try and can say about a secret is a secret.
func TestFunctionsInLocals(t *testing.T) {
	cfg, diags := loadText(t, `locals {
  team    = { channel = "#ops", token = env("SECRET") }
  thread  = try(local.team.thread, local.team.channel)
  is_text = can(tonumber(local.team.channel))
  limits  = { for name, size in { small = "10MiB", big = "1.5GiB" } : name => bytes(size) }
  zones   = toset(["Asia/Tokyo", "Europe/Paris", "Asia/Tokyo"])
  servers = yamldecode("- {name: web, port: 80}\n- {name: db, port: 5432}")
  names   = sort([for s in local.servers : upper(s.name)])
  tries   = try(try(try(try(try(try(try(try(try(try(tonumber("x")))))))))), "nested")
  guess   = can(regex("^hunter", env("SECRET")))
  other   = try(tonumber(local.team.token), "not a number")
  unset   = try(env("NOT_SET"), "no variable")
}`, "env SECRET=hunter2-hunter2")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for name, want := range map[string]string{
		"thread": `"#ops"`, "is_text": `false`, "limits": `{"big":1610612736,"small":10485760}`, "zones": `["Asia/Tokyo","Europe/Paris"]`,
		"names": `["DB","WEB"]`, "tries": `"nested"`, "guess": `secret true`, "other": `secret "not a number"`, "unset": `secret "no variable"`,
	} {
		v, secret := unmark(cfg.Scope.Variables["local"].GetAttr(name))
		got := asJSON(t, v)
		if secret {
			got = "secret " + got
		}
		if got != want {
			t.Errorf("local.%s is %s, want %s", name, got, want)
		}
	}
}

func FuzzYAML(f *testing.F) {
	for _, s := range []string{"a: 1", "- x\n- y", "a: &a [*a]", "<<: {a: 1}\nb: 2", "n: 0x1F", "? a\n: b", "\"\\x41\"", "--- 1\n...", "a: |\n x\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := decodeYAML(text)
		if err == nil && !v.IsWhollyKnown() {
			t.Errorf("%q has no value", text)
		}
	})
}

// FuzzPattern checks that the size of a pattern bounds the program that it compiles to.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{"a{1000}", "(a|b){3,9}", "(?i)straße", "\\pL+", "[^a-z]?", "(?:a*)*", "((a{9}){9}){9}", "(?m)^a$|b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		p, err := CompilePattern(pattern)
		if err != nil {
			return
		}
		tree, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		program, err := syntax.Compile(tree.Simplify())
		if err != nil {
			t.Fatal(err)
		}
		if most := 2*p.Size + 8; len(program.Inst) > most {
			t.Errorf("%q has %d instructions, and the size is %d", pattern, len(program.Inst), p.Size)
		}
	})
}
