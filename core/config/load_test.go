package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// loadText loads one file with the world of the golden cases.
func loadText(t testing.TB, text string, directives ...string) (*Config, *Diagnostics) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.hcl")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return Load(context.Background(), []string{path}, testOptions(strings.Join(directives, "\n")))
}

// shownText is all that a user may see of diagnostics.
func shownText(t testing.TB, d *Diagnostics) string {
	t.Helper()
	var b bytes.Buffer
	if err := errors.Join(d.WriteText(&b, 78, false), d.WriteText(&b, 0, true), d.WriteJSON(&b)); err != nil {
		t.Fatal(err)
	}
	return b.String() + d.Error()
}

const mailPlugin = `
plugin "stats-email" "mail" {
  settings {
    from = "a@example.com"
    smtp {
      host     = "mail"
      password = env("PASSWORD")
    }
  }
}
`

func TestSettingsReachTheirOwner(t *testing.T) {
	cfg, diags := loadText(t, mailPlugin, "env PASSWORD=hunter2")
	if diags.Len() > 0 {
		t.Fatal(diags)
	}
	var got map[string]any
	if err := json.Unmarshal(cfg.Plugins[0].Settings, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"from": "a@example.com", "smtp": map[string]any{"host": "mail", "password": "hunter2", "port": 587.0, "timeout": "10s"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(format, cfg.Plugins[0].Settings); strings.Contains(s, "hunter2") {
			t.Errorf("%s prints %s", format, s)
		}
	}
	if b, err := json.Marshal(cfg.Plugins[0].Settings); err != nil || strings.Contains(string(b), "hunter2") {
		t.Errorf("JSON is %s, %v", b, err)
	}
}

func TestFileTrimsOneNewline(t *testing.T) {
	for _, c := range []struct{ content, file, raw string }{
		{"s", "s", "s"}, {"s\n", "s", "s\n"}, {"s\r\n", "s", "s\r\n"}, {"s\n\n", "s\n", "s\n\n"}, {"s\r", "s\r", "s\r"}, {"", "", ""},
	} {
		dir := t.TempDir()
		writeFile(t, dir+"/conf/secret", []byte(c.content))
		writeFile(t, dir+"/conf/config.hcl", []byte(`source "intdash" "lab" { secrets = [file("secret"), file_raw("./secret")] }`))
		cfg, diags := Load(t.Context(), []string{dir + "/conf/config.hcl"}, testOptions(""))
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		var got struct{ Secrets []string }
		if err := json.Unmarshal(cfg.Sources[0].Settings, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{c.file, c.raw}, got.Secrets); diff != "" {
			t.Errorf("%q: %s", c.content, diff)
		}
	}
}

// TestSecretWithLineBreak: nobody sees why such a secret is refused.
func TestSecretWithLineBreak(t *testing.T) {
	for content, warned := range map[string]bool{
		"hunter2": false, "hunter2\n": false, "hunter2\r\n": false,
		"hunter2\n\n": true, "hunter2\r\n\r\n": true, "hunter2\r": true, "hunter2\n\r\n": true,
		"-----BEGIN KEY-----\nhunter2\n-----END KEY-----\n\n": false, "\n": false,
	} {
		path := filepath.Join(t.TempDir(), "password")
		writeFile(t, path, []byte(content))
		_, diags := loadText(t, strings.Replace(mailPlugin, `env("PASSWORD")`, fmt.Sprintf("file(%q)", path), 1))
		if got := strings.Contains(shownText(t, diags), `"password" has a line break at its end`); got != warned || diags.HasErrors() {
			t.Errorf("%q: warned %t, want %t: %v", content, got, warned, diags)
		}
	}
	_, diags := loadText(t, `source "intdash" "lab" { secrets = [env("A"), file_raw("missing"), ""] }`, "env A=hunter2")
	if strings.Contains(shownText(t, diags), "line break") {
		t.Errorf("warned of nothing: %v", diags)
	}
	if _, diags := loadText(t, "source \"intdash\" \"lab\" {\n secrets = [<<EOT\nhunter2\nEOT\n]\n}"); !strings.Contains(shownText(t, diags), `"secrets[0]" has a line break`) {
		t.Errorf("not warned in a list: %v", diags)
	}
}

// TestReservedArguments: what a dispatch block takes for itself is what the SDK refuses in a plugin's arguments.
func TestReservedArguments(t *testing.T) {
	got := slices.Sorted(slices.Values(namesOf(dispatchSchema)))
	if diff := cmp.Diff(schema.ReservedArguments(), got); diff != "" {
		t.Errorf("-schema +dispatch:\n%s", diff)
	}
}

func TestFileRefusesOtherBytes(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir+"/secret", []byte("\xff\xfe"))
	writeFile(t, dir+"/config.hcl", []byte(`source "intdash" "lab" { secrets = [file("secret")] }`))
	_, diags := Load(t.Context(), []string{dir}, testOptions(""))
	if got := diags.Error(); !strings.Contains(got, "Value is not plain text") {
		t.Error(got)
	}
}

func TestDiagnosePointsAtTheSetting(t *testing.T) {
	for _, c := range []struct {
		path, want string
	}{
		{"smtp.host", `host     = "mail"`},
		{"smtp", "smtp {"},
		{"smtp[0].host", `host     = "mail"`},
		{"smtp.port", "smtp {"},
		{"smtp.nothing.at.all", "smtp {"},
		{"nothing", "settings {"},
		{"", `plugin "stats-email" "mail" {`},
		{`"..[[9]]`, "settings {"},
	} {
		cfg, diags := loadText(t, mailPlugin, "env PASSWORD=hunter2")
		cfg.Plugins[0].Diagnose(&pluginv1.Diagnostic{
			Severity: pluginv1.Diagnostic_SEVERITY_ERROR, Path: c.path,
			Summary: "Login refused", Detail: "The password hunter2 is wrong.",
		})
		text := shownText(t, diags)
		if !strings.Contains(text, c.want) {
			t.Errorf("path %q is not at %q:\n%s", c.path, c.want, text)
		}
		if strings.Contains(text, "hunter2") || !diags.HasErrors() {
			t.Errorf("path %q:\n%s", c.path, text)
		}
	}
}

// What a plugin says about a setting that is not there, or may follow from one, is not reported.
func TestDiagnoseWithoutSecrets(t *testing.T) {
	for _, c := range []struct {
		path, text string
		reported   bool
	}{
		{"smtp.password", "there is none", false},
		{"smtp.host", "no such host", true},
		{"smtp.host", "username and password go together", false},
		{"", "no password for mail", false},
		{"from", "not an address", true},
		{"", "a setting is wrong", true},
	} {
		cfg, diags := loadText(t, mailPlugin, "offline")
		if got := string(cfg.Plugins[0].Settings); strings.Contains(got, "password") || !strings.Contains(got, `"mail"`) {
			t.Errorf("the plugin gets %s", got)
		}
		cfg.Plugins[0].Diagnose(&pluginv1.Diagnostic{Severity: pluginv1.Diagnostic_SEVERITY_ERROR, Path: c.path, Summary: "Refused", Detail: c.text})
		if diags.HasErrors() != c.reported || diags.Warnings() != 1 {
			t.Errorf("%s: %s: reported: %t\n%s", c.path, c.text, diags.HasErrors(), shownText(t, diags))
		}
	}
}

// A source gets a secret that nobody knows for one that is not there.
func TestStandIn(t *testing.T) {
	secrets := map[string]bool{}
	for range 3 {
		cfg, diags := loadText(t, `source "intdash" "lab" { secrets = [env("A"), env("B")] }`, "offline", "env B=known")
		var got struct{ Secrets []string }
		if err := json.Unmarshal(cfg.Sources[0].Settings, &got); err != nil || diags.HasErrors() {
			t.Fatal(err, diags)
		}
		if len(got.Secrets) != 2 || len(got.Secrets[0]) < 32 || got.Secrets[1] != "known" || secrets[got.Secrets[0]] {
			t.Errorf("the secrets are %q", got.Secrets)
		}
		secrets[got.Secrets[0]] = true
	}
}

func TestDiagnoseWarningOfSource(t *testing.T) {
	cfg, diags := loadText(t, `source "intdash" "lab" { secrets = [env("S")] }`, "env S=hunter2")
	cfg.Sources[0].Diagnose(&pluginv1.Diagnostic{Severity: pluginv1.Diagnostic_SEVERITY_WARNING, Path: "secrets", Summary: "Short secret"})
	if diags.Warnings() != 1 || diags.HasErrors() {
		t.Error(shownText(t, diags))
	}
}

func TestScopeHoldsNoWayToSecrets(t *testing.T) {
	cfg, diags := loadText(t, "variable \"x\" { default = \"y\" }\nlocals { z = upper(var.x) }\n")
	if diags.Len() > 0 {
		t.Fatal(diags)
	}
	for name := range secretNames {
		if _, ok := cfg.Scope.Functions[name]; ok {
			t.Errorf("rules may call %s", name)
		}
	}
	if got := cfg.Scope.Variables["local"].GetAttr("z").AsString(); got != "Y" {
		t.Errorf("local.z is %q", got)
	}
	if got, _ := cfg.Scope.Variables["mb"].AsBigFloat().Int64(); got != 1<<20 {
		t.Errorf("mb is %d", got)
	}
}

func TestDescribeIsAskedOncePerBinary(t *testing.T) {
	asked := 0
	o := testOptions("")
	o.Describe = func(ctx context.Context, p PluginRef) (*pluginv1.DescribeResponse, error) {
		asked++
		return nil, nil
	}
	path := filepath.Join(t.TempDir(), "c.hcl")
	writeFile(t, path, []byte("plugin \"slack\" \"a\" {}\nplugin \"slack\" \"b\" {}\nplugin \"slack\" \"c\" { path = \"other\" }\n"))
	_, diags := Load(t.Context(), []string{path}, o)
	if asked != 2 || diags.Errors() != 2 {
		t.Errorf("asked %d times, %d errors", asked, diags.Errors())
	}
}

func TestWithoutDescribeNothingOfPluginsIsChecked(t *testing.T) {
	o := testOptions("env S=x")
	o.Describe = nil
	path := filepath.Join(t.TempDir(), "c.hcl")
	writeFile(t, path, []byte("source \"intdash\" \"lab\" { secrets = [env(\"S\")] }\nplugin \"any\" \"a\" {\n settings { b = 1 }\n}\nrule \"r\" {\n on = [\"lab\"]\n when = true\n dispatch \"a\" { c = event.id }\n}\n"))
	cfg, diags := Load(t.Context(), []string{path}, o)
	if diags.Len() > 0 || cfg.Rules[0].Dispatches[0].Arguments["c"] == nil {
		t.Error(diags)
	}
}

func TestPathsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	for _, paths := range [][]string{nil, {dir + "/missing.hcl"}, {dir}, {"/dev/null"}} {
		cfg, diags := Load(t.Context(), paths, testOptions(""))
		if cfg == nil || !diags.HasErrors() {
			t.Errorf("%v: %v", paths, diags)
		}
	}
}

func TestFileNamedTwiceIsReadOnce(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir+"/a.hcl", []byte("server {}\n"))
	cfg, diags := Load(t.Context(), []string{dir, dir + "/a.hcl", dir + "//a.hcl"}, testOptions(""))
	if diags.Len() > 0 || len(cfg.Files) != 1 {
		t.Errorf("%v, %v", cfg.Files, diags)
	}
}

// TestUnreachableFileIsAnError: a link in a directory that leads nowhere is a mistake; its rules must not just vanish.
func TestUnreachableFileIsAnError(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir+"/a.hcl", []byte("server {}\n"))
	for _, target := range []string{"nowhere.hcl", "b.hcl"} {
		if err := os.Symlink(target, dir+"/b.hcl"); err != nil {
			t.Fatal(err)
		}
		_, diags := Load(t.Context(), []string{dir}, testOptions(""))
		if !diags.HasErrors() || !strings.Contains(diags.Error(), "b.hcl") {
			t.Errorf("link to %s: %v", target, diags)
		}
		if err := os.Remove(dir + "/b.hcl"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReportJSON(t *testing.T) {
	_, diags := loadText(t, "server {\n  listn = \":1\"\n}\n")
	var b bytes.Buffer
	if err := diags.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got jsonReport
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	context := "server"
	got.Diagnostics[0].Range.Filename = ""
	want := jsonReport{
		FormatVersion: "1.0", ErrorCount: 1,
		Diagnostics: []jsonDiagnostic{{
			Severity: "error", Summary: "Unknown attribute",
			Detail:  `The block "server" has no attribute "listn". Did you mean "listen"?`,
			Range:   &jsonRange{Start: jsonPos{2, 3, 11}, End: jsonPos{2, 8, 16}},
			Snippet: &jsonSnippet{Context: &context, Code: `  listn = ":1"`, StartLine: 2, HighlightStartOffset: 2, HighlightEndOffset: 7, Values: []string{}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTextColorOnlyWhenAsked(t *testing.T) {
	_, diags := loadText(t, "server {\n  listn = \"\x1b[31m\"\n}\n")
	var plain, colored bytes.Buffer
	if err := errors.Join(diags.WriteText(&plain, 0, false), diags.WriteText(&colored, 0, true)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plain.String(), "\x1b") || !strings.Contains(colored.String(), "\x1b[31mError") {
		t.Errorf("plain %q\ncolored %q", plain.String(), colored.String())
	}
}

func TestUnits(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "7d": 168 * time.Hour, "1d12h": 36 * time.Hour, "1.5h": 90 * time.Minute, "0s": 0,
		"": -1, "d": -1, "-1h": -1, "7 d": -1, "1d1d": -1, "soon": -1, "99999999999d": -1, "106751d24h": -1, "1w": -1,
	} {
		if got, err := ParseDuration(s); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("duration %q is %v, %v", s, got, err)
		}
	}
	for s, want := range map[string]int64{
		"0": 0, "10": 10, "10GiB": 10 << 30, "512 MiB": 512 << 20, "1kb": 1000, "7B": 7,
		"": -1, "GiB": -1, "-1": -1, "1.5GiB": 3 << 29, "1.3B": -1, "1e3": -1, "9999999999GiB": -1, "1 parsec": -1, "9223372036854775807": 1<<63 - 1,
	} {
		if got, err := ParseSize(s); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("size %q is %v, %v", s, got, err)
		}
	}
	for s, want := range map[string]Rate{
		"1/s": {1, time.Second}, "30/m": {30, time.Minute}, "5 / h": {5, time.Hour}, "9/d": {9, 24 * time.Hour},
		"": {}, "1": {}, "0/s": {}, "-1/s": {}, "1/w": {}, "/s": {}, "1.5/s": {},
	} {
		if got, err := ParseRate(s); (err != nil) != (want == Rate{}) || got != want {
			t.Errorf("rate %q is %v, %v", s, got, err)
		}
	}
	for s, want := range map[string]bool{
		"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, ":1": false, "0.0.0.0:1": false, "10.0.0.1:1": false, "[::]:1": false, "x:1": false, "x": false,
	} {
		if loopback(s) != want {
			t.Errorf("loopback(%q) is %v", s, !want)
		}
	}
}

func TestSettingsMayChooseTheData(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.hcl")
	text := "source \"intdash\" \"a\" {\n  secrets = [\"0123456789012345678901234567\"]\n}\nsource \"intdash\" \"b\" {\n  path = \"/other\"\n  secrets = [\"0123456789012345678901234567\"]\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o := testOptions("")
	o.MakeSource = func(s *Source) string {
		if bytes.Contains(s.Settings, []byte("/other")) {
			return "s3"
		}
		return ""
	}
	cfg, diags := Load(t.Context(), []string{path}, o)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if a, b := cfg.Sources[0].Data, cfg.Sources[1].Data; a != "intdash" || b != "s3" {
		t.Errorf("data of the sources: %q, %q; want intdash, s3", a, b)
	}
}

// A file that cannot be parsed still tells where the router is, and is reported once.
func TestAddressesOfBrokenFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.hcl")
	writeFile(t, path, []byte("variable \"dir\" {\n  default = \"/var/lib\"\n}\njournal {\n  path = \"${var.dir}/j.db\"\n}\nadmin {\n  listen = \"127.0.0.1:1\"\n  nonsense = 1\n}\nrule \"half\" {\n  when = (\n"))
	cfg, diags := Load(t.Context(), []string{path}, testOptions(""))
	if cfg.Journal.Path != "/var/lib/j.db" || cfg.AdminSocket() != "/var/lib/admin.sock" || cfg.Admin.Listen != "127.0.0.1:1" {
		t.Errorf("journal %q, socket %q, admin %q", cfg.Journal.Path, cfg.AdminSocket(), cfg.Admin.Listen)
	}
	if text := shownText(t, diags); !diags.HasErrors() || strings.Contains(text, "nonsense") {
		t.Errorf("reported:\n%s", text)
	}
	writeFile(t, path, []byte("rule \"half\" {\n  when = (\n"))
	if cfg, _ := Load(t.Context(), []string{path}, testOptions("")); cfg.AdminSocket() != "data/admin.sock" {
		t.Errorf("without a block, the socket is %q", cfg.AdminSocket())
	}
}
