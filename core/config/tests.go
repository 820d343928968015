package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// testSuffix ends the names of files with tests of rules. They stand beside the configuration and are no part of it.
const testSuffix = ".test.hcl"

const (
	// maxTests bounds the tests of one run.
	maxTests = 10000
	// maxTestEvents bounds the events of one test.
	maxTestEvents = 1000
)

// IsTestFile reports whether a file has tests, by its name.
func IsTestFile(path string) bool { return strings.HasSuffix(path, testSuffix) }

// Test is a `test` block of a file of tests. ReadTests sets its first fields, and Resolve the others.
type Test struct {
	Name string
	// Variables are those of the block and its file, in the form of Options.Variables.
	Variables map[string]string
	// DeclRange is the block's header.
	DeclRange hcl.Range

	Events  []*TestEvent
	Expects []*TestExpect
	// Deliveries is how many deliveries all events together must cause; -1: any number.
	Deliveries      int
	DeliveriesRange hcl.Range

	block          *hclsyntax.Block
	variablesRange hcl.Range
}

// ReadTests reads test files, under the limits of configuration files. Tests with errors are left out of the result.
func ReadTests(names []string) ([]*Test, *Diagnostics) {
	l := newTestLoader(&Config{}, &Diagnostics{files: map[string]*file{}})
	var tests []*Test
	for _, name := range dropRepeats(slices.Clone(names)) {
		f, diags := readFile(name)
		l.diags.files[name] = f
		l.diags.Append(diags...)
		if !diags.HasErrors() {
			tests = append(tests, l.testFile(f)...)
		}
		f.tokens = nil
	}
	if len(tests) > maxTests {
		l.error(tests[maxTests].DeclRange, "Too many tests", fmt.Sprintf("One run may have at most %d tests.", maxTests))
		tests = nil
	}
	return tests, l.diags
}

// FindTests returns the test files among paths and beside them: those of a directory, and those in the directory of a file. If all
// paths are test files, the second result is where their configuration is.
func FindTests(paths []string) (tests, configuration []string, err error) {
	given := slices.ContainsFunc(paths, IsTestFile)
	for _, path := range paths {
		if IsTestFile(path) {
			tests = append(tests, path)
			continue
		}
		configuration = append(configuration, path)
		if given {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			continue // Load reports it
		}
		dir := path
		if !info.IsDir() {
			dir = filepath.Dir(path)
		}
		found, err := filesIn(dir, IsTestFile)
		if err != nil {
			return nil, nil, err
		}
		tests = append(tests, found...)
	}
	if len(configuration) == 0 {
		for _, test := range tests {
			configuration = append(configuration, filepath.Dir(test))
		}
	}
	return dropRepeats(tests), dropRepeats(configuration), nil
}

// CheckVariables reports values for variables that the configuration does not have, and removes them.
func (t *Test) CheckVariables(c *Config, d *Diagnostics) {
	known := c.Scope.Variables["var"].AsValueMap()
	for _, name := range slices.Sorted(maps.Keys(t.Variables)) {
		if _, ok := known[name]; ok {
			continue
		}
		delete(t.Variables, name)
		d.Append(errorAt(t.variablesRange, "Unknown variable", fmt.Sprintf("There is no variable %q.%s", name, didYouMean(name, keys(known), "variables"))))
	}
}

// newTestLoader decodes blocks that may use what expressions of rules may use, and files.
func newTestLoader(c *Config, d *Diagnostics) *loader {
	l := &loader{
		cfg: c, diags: d, broken: map[string]bool{}, vars: map[string]cty.Value{}, locals: map[string]cty.Value{},
		functions: map[string]map[string]function.Function{}, openFiles: true,
	}
	if c.Scope != nil {
		l.vars, l.locals = c.Scope.Variables["var"].AsValueMap(), c.Scope.Variables["local"].AsValueMap()
	}
	return l
}

// testFile checks the outer form of a file of tests.
func (l *loader) testFile(f *file) []*Test {
	l.testFunctions(f.name)
	how := decoding{what: "A file of tests", own: true, secrets: true, rng: f.body.SrcRange}
	l.known(f.body, testFileSchema, how)
	shared := l.testVariables(f.body)
	var tests []*Test
	seen := map[string]*hclsyntax.Block{}
	for _, b := range f.body.Blocks {
		if b.Type != "test" || !l.labels(b, []string{"name"}) {
			continue
		}
		if strings.TrimSpace(b.Labels[0]) == "" || len(b.Labels[0]) > maxTestName {
			l.error(b.LabelRanges[0], "Invalid name", fmt.Sprintf("The name of a test says what it shows, in 1 to %d characters.", maxTestName))
			continue
		}
		if !l.unique(b, b.Labels[0], seen) {
			continue
		}
		t := &Test{Name: b.Labels[0], DeclRange: b.DefRange(), Deliveries: -1, Variables: maps.Clone(shared), block: b}
		for _, body := range []*hclsyntax.Body{f.body, b.Body} {
			if attr := body.Attributes["variables"]; attr != nil {
				t.variablesRange = attr.Expr.Range()
			}
		}
		maps.Copy(t.Variables, l.testVariables(b.Body))
		tests = append(tests, t)
	}
	return tests
}

const maxTestName = 200

// testVariables are the values of a `variables` attribute, as -var takes them. They choose the configuration, so they cannot depend on
// it.
func (l *loader) testVariables(body *hclsyntax.Body) map[string]string {
	values := map[string]string{}
	attr := body.Attributes["variables"]
	if attr == nil {
		return values
	}
	v, ok := l.value(attr.Expr, false)
	if !ok {
		return values
	}
	if v.IsNull() || !v.Type().IsObjectType() {
		l.error(attr.Expr.Range(), "Invalid value", `"variables" is an object: { name = "value" }.`)
		return values
	}
	for name, v := range v.AsValueMap() {
		text, err := variableText(v)
		if err != nil {
			l.error(attr.Expr.Range(), "Invalid value", fmt.Sprintf("The value of %q %s.", name, err))
			continue
		}
		values[name] = text
	}
	return values
}

// testFunctions are the functions of a file of tests. What file() gives there is shown, so it is no secret.
func (l *loader) testFunctions(filename string) {
	all := map[string]function.Function{"file": testFileFunc(filename, oneNewlineLess), "file_raw": testFileFunc(filename, slices.Clone[[]byte])}
	for name, fn := range pureFunctions() {
		all[name] = checked(fn, checkNumbers)
	}
	l.functions[filename] = all
}

// testTime reads a time in RFC 3339. It must be one that an event can hold.
func (l *loader) testTime(o *object, name string) time.Time {
	return parsed(l, o, name, func(text string) (time.Time, error) {
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || t.Year() < 1678 || t.Year() > 2261 {
			return time.Time{}, fmt.Errorf(`write a time as "2026-11-27T09:30:00Z" or "2026-11-27T18:30:00+09:00"`)
		}
		return t, nil
	})
}
