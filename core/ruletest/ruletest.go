// Package ruletest runs the tests of rules that stand in *.test.hcl beside a configuration, and says which rules and clauses they
// have not decided.
//
// A test makes events in the way that its source makes them, lets the compiled rules decide, and compares the deliveries with what
// was expected. Nothing is opened, started or delivered.
package ruletest

import (
	"path/filepath"
	"slices"
	"time"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/rule"
	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// World is what tests run against.
type World struct {
	Config *config.Config
	Rules  *rule.Set
	// Decode returns the events of a body, as the source called name decodes what its senders post.
	Decode func(name string, s source.Sample) ([]source.Event, error)
}

// Case is a test that is ready to run.
type Case struct {
	world  *World
	test   *config.Test
	events []*pointsmanv1.Envelope
}

// Prepare makes the events of a test that was resolved with the configuration of the world. It reports events that cannot be made.
func Prepare(w *World, t *config.Test, d *config.Diagnostics) *Case {
	c := &Case{world: w, test: t}
	for _, e := range t.Events {
		c.events = append(c.events, w.envelopes(e, d)...)
	}
	return c
}

// Result is the outcome of one test.
type Result struct {
	File string
	Line int
	Name string
	// Failures are what differs from the expectations; none: the test passed.
	Failures []Failure
	// Deliveries are what the rules made of its events.
	Deliveries []rule.Delivery
	Duration   time.Duration
}

// Passed reports whether all expectations were met.
func (r *Result) Passed() bool { return len(r.Failures) == 0 }

// Failure is one expectation that was not met.
type Failure struct {
	// Line is that of the expectation, in the file of the test.
	Line int
	// Message says what was expected and what came instead.
	Message string
	// Differences are between the arguments expected and those of the nearest delivery.
	Differences []Difference
	// Nearest explains the rule that comes nearest to the expectation, or the one that did what it should not. Nil: none.
	Nearest *rule.Explanation
}

// Difference is an argument that is not as expected. Values are JSON; empty stands for none.
type Difference struct {
	Path          string
	Expected, Got string
}

// Run evaluates the events of a test and checks its expectations. coverage learns what the rules that it expects decided; it may be nil.
func (c *Case) Run(coverage *Coverage, now func() time.Time) Result {
	start := now()
	o := observe(c, coverage)
	r := Result{File: c.test.DeclRange.Filename, Line: c.test.DeclRange.Start.Line, Name: c.test.Name}
	r.Failures, r.Deliveries = sayOnce(o.failures()), o.deliveries
	r.Duration = now().Sub(start)
	return r
}

// sayOnce leaves out explanations that an earlier failure of the test has.
func sayOnce(failures []Failure) []Failure {
	for i := range failures {
		same := func(f Failure) bool { return f.Nearest == failures[i].Nearest }
		if slices.ContainsFunc(failures[:i], same) {
			failures[i].Nearest = nil
		}
	}
	return failures
}

// observed is what the rules said about the events of a test.
type observed struct {
	*Case
	deliveries []rule.Delivery
	// explanations are those of every rule for every event.
	explanations []rule.Explanation
}

func observe(c *Case, coverage *Coverage) *observed {
	o := &observed{Case: c}
	for _, e := range c.events {
		o.deliveries = append(o.deliveries, c.world.Rules.Match(e)...)
		o.explanations = append(o.explanations, c.world.Rules.Explain(e, "")...)
	}
	coverage.add(o.explanations)
	return o
}

// ByFile groups results, in the order they came.
func ByFile(results []Result) [][]Result {
	var groups [][]Result
	for _, r := range results {
		i := slices.IndexFunc(groups, func(g []Result) bool { return filepath.Clean(g[0].File) == filepath.Clean(r.File) })
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}
