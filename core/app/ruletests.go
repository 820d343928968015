package app

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/ruletest"
)

// TestOptions choose the tests of rules that TestRules runs.
type TestOptions struct {
	// Run selects tests by their names; nil: all.
	Run *regexp.Regexp
	// Now measures how long each test takes.
	Now func() time.Time
}

// TestRun is the outcome of tests of rules.
type TestRun struct {
	Results  []ruletest.Result
	Coverage *ruletest.Coverage
	// Diagnostics are what is wrong with the tests and with their configurations. With an error among them no test was run.
	Diagnostics []*config.Diagnostics
	// NotInstalled are plugins without a program, whose arguments were not checked.
	NotInstalled []config.PluginRef
}

// HasErrors reports whether the tests could not be run.
func (r *TestRun) HasErrors() bool {
	return slices.ContainsFunc(r.Diagnostics, (*config.Diagnostics).HasErrors)
}

// TestRules runs the tests that stand beside a configuration. The error says that there is nothing to run.
func TestRules(ctx context.Context, o Options, t TestOptions) (*TestRun, error) {
	files, paths, err := config.FindTests(o.Paths)
	if err != nil {
		return nil, err
	}
	o.Paths = paths
	tests, diags := config.ReadTests(files)
	run := &TestRun{Diagnostics: []*config.Diagnostics{diags}, Coverage: &ruletest.Coverage{}}
	found := len(tests)
	if t.Run != nil {
		tests = slices.DeleteFunc(tests, func(x *config.Test) bool { return !t.Run.MatchString(x.Name) })
	}
	switch {
	case found == 0 && diags.HasErrors():
		return run, nil
	case found == 0:
		return nil, fmt.Errorf("no tests: they stand in *.test.hcl beside the rules, and there are none in %s", strings.Join(paths, ", "))
	case len(tests) == 0:
		return nil, fmt.Errorf("none of the %d tests matches %q", found, t.Run)
	}
	run.run(ctx, o, tests, t.Now)
	return run, nil
}

// run prepares all tests before it runs any, so that all mistakes are reported at once.
func (r *TestRun) run(ctx context.Context, o Options, tests []*config.Test, now func() time.Time) {
	r.checkVariables(ctx, o, tests)
	var worlds []*testWorld
	cases := map[*config.Test]*ruletest.Case{}
	for _, t := range tests {
		i := slices.IndexFunc(worlds, func(w *testWorld) bool { return maps.Equal(w.variables, t.Variables) })
		if i < 0 {
			worlds, i = append(worlds, r.load(ctx, o, t.Variables)), len(worlds)
		}
		w := worlds[i]
		if w.diags.HasErrors() {
			continue
		}
		t.Resolve(w.Config, r.Diagnostics[0])
		cases[t] = ruletest.Prepare(&w.World, t, r.Diagnostics[0])
	}
	if r.HasErrors() {
		return
	}
	for _, w := range worlds {
		r.Coverage.Expect(w.Config)
	}
	for _, t := range tests {
		r.Results = append(r.Results, cases[t].Run(r.Coverage, now))
	}
}

// checkVariables reports values for variables that the configuration does not have, at their lines.
func (r *TestRun) checkVariables(ctx context.Context, o Options, tests []*config.Test) {
	if !slices.ContainsFunc(tests, func(t *config.Test) bool { return len(t.Variables) > 0 }) {
		return
	}
	c, _ := ReadConfig(ctx, o) // what is wrong with it is reported later
	for _, t := range tests {
		t.CheckVariables(c, r.Diagnostics[0])
	}
}

// testWorld is the configuration with some values of its variables.
type testWorld struct {
	ruletest.World
	diags     *config.Diagnostics
	variables map[string]string
}

func (r *TestRun) load(ctx context.Context, o Options, variables map[string]string) *testWorld {
	o.Variables = maps.Clone(o.Variables)
	if o.Variables == nil {
		o.Variables = map[string]string{}
	}
	maps.Copy(o.Variables, variables)
	off := LoadOffline(ctx, o)
	r.Diagnostics = append(r.Diagnostics, off.Diagnostics)
	for _, p := range off.NotInstalled {
		if !slices.Contains(r.NotInstalled, p) {
			r.NotInstalled = append(r.NotInstalled, p)
		}
	}
	return &testWorld{ruletest.World{Config: off.Config, Rules: off.Rules, Decode: off.Decode}, off.Diagnostics, variables}
}
