package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/core/rule"
	"github.com/pointsman/pointsman/core/ruletest"
)

// testFlags are the flags of `pointsman test`.
type testFlags struct {
	configFlags

	run, junit, lcov          string
	verbose, asJSON, coverage bool
}

func newTest(s streams) *cobra.Command {
	var f testFlags
	cmd := &cobra.Command{
		Use:   "test [path...]",
		Short: "Run the tests of rules",
		Long: `Run the tests that stand beside rules in files named *.test.hcl.

A path is a configuration file, a directory of *.hcl (default: the working directory), or a file of tests, whose configuration is then
its directory. A test gives events to the rules and says what must be delivered:

  test "a big image is mirrored" {
    event {
      source = "uploads"
      body   = file("testdata/put.json")   # as its sender posts it, without a signature
    }
    expect {
      rule      = "mirror-images"
      plugin    = "backup"
      arguments = { order = "img/a.png" }  # others are not looked at
    }
    expect_deliveries = 1
  }

Nothing is opened, started or delivered, and no secret is needed. Plugins' programs are asked which arguments they take, if they are
there.`,
		Example: `  pointsman test
  pointsman test config.hcl rules/ --run image
  pointsman test rules/mirror.test.hcl -v
  pointsman test rules/ --coverage --junit results.xml`,
		ValidArgsFunction: filesOnly,
		RunE: func(cmd *cobra.Command, paths []string) error {
			return f.test(cmd, s, paths)
		},
	}
	f.register(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&f.run, "run", "", "run only tests whose names match a regular expression")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show what each test delivers, and warnings")
	flags.BoolVar(&f.asJSON, "json", false, "print the results as JSON")
	flags.StringVar(&f.junit, "junit", "", "also write the results to a file, as JUnit's XML")
	flags.BoolVar(&f.coverage, "coverage", false, "show rules and clauses that no test has decided either way")
	flags.StringVar(&f.lcov, "coverage-lcov", "", "write the coverage to a file, in the format of lcov")
	return cmd
}

func (f *testFlags) test(cmd *cobra.Command, s streams, paths []string) error {
	color, err := useColor(f.color, s.out)
	if err != nil {
		return err
	}
	var only *regexp.Regexp
	if f.run != "" {
		if only, err = regexp.Compile(f.run); err != nil {
			return usageError(fmt.Errorf("--run %q: %w", f.run, err))
		}
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	run, err := app.TestRules(cmd.Context(), f.options(paths), app.TestOptions{Run: only, Now: s.now})
	if err != nil {
		return err
	}
	if err := f.problems(s, run); err != nil {
		return err
	}
	if err := f.files(run); err != nil {
		return err
	}
	if err := f.results(s.out, run, color); err != nil {
		return err
	}
	if _, failed := ruletest.Totals(run.Results); failed > 0 {
		return errReported
	}
	return nil
}

// problems writes what is wrong with the tests and their configuration, and what was not checked.
func (f *testFlags) problems(s streams, run *app.TestRun) error {
	color, err := useColor(f.color, s.err)
	if err != nil {
		return err
	}
	errors, all := 0, 0
	for _, d := range run.Diagnostics {
		errors, all = errors+d.Errors(), all+d.Len()
		if d.HasErrors() || f.verbose {
			if err := d.WriteText(s.err, width(s.err), color); err != nil {
				return err
			}
		}
	}
	for _, p := range run.NotInstalled {
		fmt.Fprintf(s.err, "Plugin %s is not installed (%s): its arguments are not checked.\n", p.Name, p.Path)
	}
	if errors > 0 {
		fmt.Fprintf(s.err, "No test was run: %s.\n", count(errors, "error"))
		return errReported
	}
	return nil
}

// files writes the files that flags ask for.
func (f *testFlags) files(run *app.TestRun) error {
	if f.junit != "" {
		if err := writeReport(f.junit, func(w io.Writer) error { return ruletest.WriteJUnit(w, run.Results) }); err != nil {
			return err
		}
	}
	if f.lcov != "" {
		return writeReport(f.lcov, run.Coverage.WriteLCOV)
	}
	return nil
}

func writeReport(name string, write func(io.Writer) error) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	err = write(file)
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

// results writes the outcome of each test.
func (f *testFlags) results(w io.Writer, run *app.TestRun, color bool) error {
	if f.asJSON {
		coverage := run.Coverage
		if !f.coverage {
			coverage = nil
		}
		return ruletest.WriteJSON(w, run.Results, coverage)
	}
	p := testPage{w: w, ink: ink(color), verbose: f.verbose}
	for _, group := range ruletest.ByFile(run.Results) {
		p.file(group)
	}
	passed, failed := ruletest.Totals(run.Results)
	p.line(0, fmt.Sprintf("%d passed, %d failed", passed, failed))
	if p.err == nil && f.coverage {
		return coveragePage(w, run.Coverage)
	}
	return p.err
}

// testPage prints results.
type testPage struct {
	w       io.Writer
	ink     ink
	verbose bool
	err     error // the first one
}

func (p *testPage) line(indent int, text string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, strings.Repeat("  ", indent)+text+"\n")
	}
}

func (p *testPage) file(results []ruletest.Result) {
	const widest = 60
	p.line(0, printable(results[0].File))
	column := 0
	for _, r := range results {
		column = max(column, min(utf8.RuneCountInString(printable(r.Name)), widest))
	}
	for i := range results {
		r := &results[i]
		mark := p.ink.green("✓")
		if !r.Passed() {
			mark = p.ink.red("✗")
		}
		name := printable(r.Name)
		pad := strings.Repeat(" ", max(0, column-utf8.RuneCountInString(name)))
		p.line(1, fmt.Sprintf("%s %s%s  %s", mark, name, pad, millis(r.Duration)))
		for n := range r.Failures {
			p.failure(&r.Failures[n], r.File)
		}
		if p.verbose {
			p.deliveries(r.Deliveries)
		}
	}
}

// millis is a short duration. Most tests take a part of a millisecond.
func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1e3) }

func (p *testPage) failure(f *ruletest.Failure, file string) {
	for _, l := range f.Lines(file) {
		text := printable(l.Text)
		switch l.Mark {
		case "-", "✗", "!":
			text = p.ink.red(l.Mark + " " + text)
		case "+", "✓":
			text = p.ink.green(l.Mark + " " + text)
		case "–":
			text = "– " + text
		}
		if l.Note != "" {
			text += "   " + printable(l.Note)
		}
		p.line(3+l.Indent, text)
	}
}

func (p *testPage) deliveries(all []rule.Delivery) {
	for _, d := range all {
		text := fmt.Sprintf("%s to %s: %s", d.Rule, d.Plugin, d.Arguments)
		if d.Err != nil {
			text = fmt.Sprintf("%s fails: %v", d.Rule, d.Err)
		}
		if d.OrderKey != "" {
			text += fmt.Sprintf(" in order of %q", d.OrderKey)
		}
		p.line(3, printable(text))
	}
	if len(all) == 0 {
		p.line(3, "nothing is delivered")
	}
}

// coveragePage prints what no test has decided.
func coveragePage(w io.Writer, c *ruletest.Coverage) error {
	seen, all := c.Count()
	percent := 100
	if all > 0 {
		percent = 100 * seen / all
	}
	if _, err := fmt.Fprintf(w, "\nCoverage: %d of %s of rules' clauses, true or false, are tested (%d %%).\n", seen, count(all, "outcome"), percent); err != nil {
		return err
	}
	if seen == all {
		return nil
	}
	t := newTable(w, "RULE", "POSITION", "NOT TESTED", "CLAUSE")
	for _, r := range c.Rules {
		told := false
		for _, clause := range r.Clauses {
			if missing := clause.Missing(); missing != "" && r.Matched+r.NotMatched > 0 {
				told = true
				t.row(r.Name, fmt.Sprintf("%s:%d", r.File, clause.Line), missing, clause.Text)
			}
		}
		if missing := r.Missing(); missing != "" && !told {
			t.row(r.Name, fmt.Sprintf("%s:%d", r.File, r.Line), missing, "")
		}
	}
	return t.flush()
}
