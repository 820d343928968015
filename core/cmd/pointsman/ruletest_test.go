package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// inRuletest works in a copy of testdata/ruletest that has bin/.
func inRuletest(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/ruletest")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(programs, filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, secret := range []string{"S3_HOOK_TOKEN", "SLACK_WEBHOOK_URL"} {
		t.Setenv(secret, "https://hooks.slack.com/services/T/B/only-for-this-test-0123456789012")
	}
}

// TestRuletestPages compares what `pointsman test` prints with testdata/pages.
func TestRuletestPages(t *testing.T) {
	for name, args := range map[string]string{
		"test":          "test",
		"test-color":    "test failing.test.hcl --color always",
		"test-verbose":  "test -v uploads.test.hcl",
		"test-run":      "test . --run told",
		"test-coverage": "test failing.test.hcl --coverage",
		"test-json":     "test failing.test.hcl --run text --json --coverage",
		"test-run-none": "test --run nothing",
		"test-run-bad":  "test --run (",
		"test-none":     "test testdata",
	} {
		t.Run(name, func(t *testing.T) {
			pages, err := filepath.Abs("testdata/pages")
			if err != nil {
				t.Fatal(err)
			}
			inRuletest(t)
			code, out, problems := command(t.Context(), strings.Fields(args)...)
			got := fmt.Sprintf("$ pointsman %s\nexit code %d\n\n--- stdout\n%s\n--- stderr\n%s", args, code, out, problems)
			comparePage(t, filepath.Join(pages, name+".txt"), got)
		})
	}
}

// TestRuletestReports reads the files for other tools as they do.
func TestRuletestReports(t *testing.T) {
	inRuletest(t)
	code, _, problems := command(t.Context(), "test", "--junit", "junit.xml", "--coverage-lcov", "lcov.info")
	if code != exitFailed || problems != "" {
		t.Fatalf("exit code %d, stderr %q", code, problems)
	}
	checkJUnit(t, readAll(t, "junit.xml"))
	lcov := readAll(t, "lcov.info")
	for _, line := range []string{"SF:uploads.hcl", "BRDA:19,0,0,", "DA:16,", "LF:", "BRF:", "end_of_record"} {
		if !strings.Contains(lcov, line) {
			t.Errorf("no %q in\n%s", line, lcov)
		}
	}
	if code, _, problems := command(t.Context(), "test", "--junit", "no/such/folder.xml"); code != exitFailed || !strings.Contains(problems, "no/such/folder.xml") {
		t.Errorf("exit code %d, stderr %q", code, problems)
	}
	_, out, _ := command(t.Context(), "test", "--json")
	var document struct {
		FormatVersion  string `json:"format_version"`
		Passed, Failed int
		Tests          []struct {
			Name     string
			Failures []struct {
				Line    int
				Nearest *struct{ Rule string }
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &document); err != nil || document.FormatVersion != "1.0" || document.Passed != 3 || document.Failed != 2 || len(document.Tests) != 5 {
		t.Errorf("%v: %+v", err, document)
	}
}

func readAll(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// junitSchema is what the schema of Jenkins' xUnit plugin (junit-10.xsd) allows: the attributes of an element, required ones with a
// star, and the elements in it.
var junitSchema = map[string]struct{ attributes, children []string }{
	"testsuites": {[]string{"name", "time", "tests", "failures", "errors"}, []string{"testsuite"}},
	"testsuite":  {[]string{"name*", "tests*", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "package"}, []string{"testcase"}},
	"testcase":   {[]string{"name*", "assertions", "time", "classname", "status"}, []string{"skipped", "error", "failure", "system-out", "system-err"}},
	"failure":    {[]string{"type", "message"}, nil},
}

func checkJUnit(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	var path []string
	counts := map[string]int{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			name := e.Name.Local
			counts[name]++
			allowed, known := junitSchema[name]
			if !known || len(path) == 0 && name != "testsuites" || len(path) > 0 && !slices.Contains(junitSchema[path[len(path)-1]].children, name) {
				t.Errorf("element %q in %q", name, path)
			}
			var have []string
			for _, a := range e.Attr {
				have = append(have, a.Name.Local)
				if !slices.Contains(allowed.attributes, a.Name.Local) && !slices.Contains(allowed.attributes, a.Name.Local+"*") {
					t.Errorf("attribute %q of %q", a.Name.Local, name)
				}
			}
			for _, a := range allowed.attributes {
				if required, is := strings.CutSuffix(a, "*"); is && !slices.Contains(have, required) {
					t.Errorf("%q has no %q", name, required)
				}
			}
			path = append(path, name)
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
	if counts["testsuite"] != 2 || counts["testcase"] != 5 || counts["failure"] != 2 {
		t.Errorf("elements: %v", counts)
	}
}
