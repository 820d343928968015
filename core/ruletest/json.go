package ruletest

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/pointsman/pointsman/core/rule"
)

// FormatVersion is the version of the document that WriteJSON writes.
const FormatVersion = "1.0"

type document struct {
	FormatVersion string          `json:"format_version"`
	Passed        int             `json:"passed"`
	Failed        int             `json:"failed"`
	Tests         []testReport    `json:"tests"`
	Coverage      *coverageReport `json:"coverage,omitempty"`
}

type testReport struct {
	File           string          `json:"file"`
	Line           int             `json:"line"`
	Name           string          `json:"name"`
	Passed         bool            `json:"passed"`
	DurationMillis float64         `json:"duration_ms"`
	Failures       []failureReport `json:"failures"`
}

type failureReport struct {
	Line        int                `json:"line"`
	Message     string             `json:"message"`
	Differences []differenceReport `json:"differences"`
	Nearest     *nearestReport     `json:"nearest,omitempty"`
}

// differenceReport holds values as JSON text; null stands for no value.
type differenceReport struct {
	Path     string  `json:"path"`
	Expected *string `json:"expected"`
	Got      *string `json:"got"`
}

type nearestReport struct {
	Rule    string         `json:"rule"`
	File    string         `json:"file"`
	Line    int            `json:"line"`
	Verdict string         `json:"verdict"`
	Error   string         `json:"error,omitempty"`
	Clauses []clauseReport `json:"clauses"`
}

type clauseReport struct {
	Text     string         `json:"text"`
	Line     int            `json:"line"`
	Verdict  string         `json:"verdict"`
	Operator string         `json:"operator,omitempty"`
	Parts    []clauseReport `json:"parts,omitempty"`
	Reads    []readReport   `json:"reads,omitempty"`
}

// readReport is what a clause reads; Value is JSON text, null unless it is present.
type readReport struct {
	Text     string  `json:"text"`
	Presence string  `json:"presence"`
	Value    *string `json:"value"`
	Because  string  `json:"because,omitempty"`
}

type coverageReport struct {
	Seen  int                  `json:"seen"`
	All   int                  `json:"all"`
	Rules []ruleCoverageReport `json:"rules"`
}

type ruleCoverageReport struct {
	Rule       string                 `json:"rule"`
	File       string                 `json:"file"`
	Line       int                    `json:"line"`
	Matched    int                    `json:"matched"`
	NotMatched int                    `json:"not_matched"`
	Missing    string                 `json:"missing"`
	Clauses    []clauseCoverageReport `json:"clauses"`
}

type clauseCoverageReport struct {
	Text    string `json:"text"`
	Line    int    `json:"line"`
	True    int    `json:"true"`
	False   int    `json:"false"`
	Missing string `json:"missing"`
}

// WriteJSON writes results as one document. coverage may be nil.
func WriteJSON(w io.Writer, results []Result, coverage *Coverage) error {
	r := document{FormatVersion: FormatVersion, Tests: []testReport{}}
	r.Passed, r.Failed = Totals(results)
	for i := range results {
		r.Tests = append(r.Tests, newTestReport(&results[i]))
	}
	if coverage != nil {
		r.Coverage = newCoverageReport(coverage)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

// Totals counts results.
func Totals(results []Result) (passed, failed int) {
	for i := range results {
		if results[i].Passed() {
			passed++
		} else {
			failed++
		}
	}
	return passed, failed
}

func newTestReport(r *Result) testReport {
	out := testReport{
		File: r.File, Line: r.Line, Name: r.Name, Passed: r.Passed(), Failures: []failureReport{},
		DurationMillis: float64(r.Duration.Microseconds()) / float64(time.Millisecond/time.Microsecond),
	}
	for _, f := range r.Failures {
		failure := failureReport{Line: f.Line, Message: f.Message, Differences: []differenceReport{}}
		for _, d := range f.Differences {
			failure.Differences = append(failure.Differences, differenceReport{d.Path, orNull(d.Expected), orNull(d.Got)})
		}
		if x := f.Nearest; x != nil {
			failure.Nearest = newNearestReport(x)
		}
		out.Failures = append(out.Failures, failure)
	}
	return out
}

func newNearestReport(x *rule.Explanation) *nearestReport {
	out := &nearestReport{Rule: x.Rule, File: x.File, Line: x.Line, Verdict: verdictName(x.Verdict), Clauses: []clauseReport{}}
	if x.Err != nil {
		out.Error = x.Err.Error()
	}
	out.Clauses = append(out.Clauses, newClauseReports(x.Clauses)...)
	return out
}

func newClauseReports(clauses []rule.Clause) []clauseReport {
	var out []clauseReport
	for _, c := range clauses {
		one := clauseReport{Text: c.Text, Line: c.Line, Verdict: verdictName(c.Verdict), Operator: c.Operator, Parts: newClauseReports(c.Parts)}
		if c.Skipped {
			one.Verdict = "skipped"
		}
		for _, r := range c.Reads {
			one.Reads = append(one.Reads, readReport{r.Text, r.Presence.String(), orNull(r.Value), r.Because})
		}
		out = append(out, one)
	}
	return out
}

func newCoverageReport(c *Coverage) *coverageReport {
	out := &coverageReport{Rules: []ruleCoverageReport{}}
	out.Seen, out.All = c.Count()
	for _, r := range c.Rules {
		one := ruleCoverageReport{
			Rule: r.Name, File: r.File, Line: r.Line, Matched: r.Matched, NotMatched: r.NotMatched, Missing: r.Missing(), Clauses: []clauseCoverageReport{},
		}
		for _, clause := range r.Clauses {
			one.Clauses = append(one.Clauses, clauseCoverageReport{clause.Text, clause.Line, clause.True, clause.False, clause.Missing()})
		}
		out.Rules = append(out.Rules, one)
	}
	return out
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func verdictName(v rule.Verdict) string {
	switch v {
	case rule.Matched:
		return "matched"
	case rule.Failed:
		return "failed"
	}
	return "not_matched"
}
