package ruletest

import (
	"fmt"
	"io"
	"slices"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/rule"
)

// Coverage is what tests have decided about each rule and each clause of its condition.
type Coverage struct {
	// Rules are in the order they are written. A rule with for_each is one.
	Rules []*RuleCoverage

	byPlace map[place]*RuleCoverage
}

// place is where a rule is written.
type place struct {
	file string
	line int
}

// RuleCoverage counts the events for which a rule matched, and those for which it did not.
type RuleCoverage struct {
	Name, File          string
	Line                int
	Matched, NotMatched int
	Clauses             []ClauseCoverage
}

// ClauseCoverage counts the events for which a clause was true, and those for which it was false. Clauses after a false one are not
// evaluated.
type ClauseCoverage struct {
	Text        string
	Line        int
	True, False int
}

// Missing says what no test has decided; empty: nothing is missing.
func (c ClauseCoverage) Missing() string {
	switch {
	case c.True+c.False == 0:
		return "never evaluated"
	case c.True == 0:
		return "never true"
	case c.False == 0 && c.Text != "true":
		return "never false"
	}
	return ""
}

// Missing says what no test has decided; empty: nothing is missing.
func (r *RuleCoverage) Missing() string {
	always := len(r.Clauses) == 1 && r.Clauses[0].Text == "true"
	switch {
	case r.Matched+r.NotMatched == 0:
		return "no event"
	case r.Matched == 0:
		return "never matched"
	case r.NotMatched == 0 && !always:
		return "always matched"
	}
	return ""
}

// Count returns how many decisions there are, two for each rule and each clause, and how many of them tests have seen. A clause that
// is literally true has one.
func (c *Coverage) Count() (seen, all int) {
	for _, r := range c.Rules {
		for _, clause := range r.Clauses {
			all++
			if clause.True > 0 {
				seen++
			}
			if clause.Text == "true" {
				continue
			}
			all++
			if clause.False > 0 {
				seen++
			}
		}
	}
	return seen, all
}

// Expect adds the rules of a configuration. What other rules decide is not counted.
func (c *Coverage) Expect(cfg *config.Config) {
	if c.byPlace == nil {
		c.byPlace = map[place]*RuleCoverage{}
	}
	for _, r := range cfg.Rules {
		at := place{r.DeclRange.Filename, r.DeclRange.Start.Line}
		if r.When == nil || !r.Enabled || c.byPlace[at] != nil {
			continue
		}
		entry := &RuleCoverage{Name: r.Block, File: at.file, Line: at.line}
		for _, clause := range rule.Clauses(cfg, r) {
			entry.Clauses = append(entry.Clauses, ClauseCoverage{Text: clause.Text, Line: clause.Line})
		}
		c.Rules, c.byPlace[at] = append(c.Rules, entry), entry
	}
}

// add counts what rules decided.
func (c *Coverage) add(explanations []rule.Explanation) {
	if c == nil {
		return
	}
	for _, x := range explanations {
		entry := c.byPlace[place{x.File, x.Line}]
		if entry == nil {
			continue
		}
		if x.Verdict == rule.Matched {
			entry.Matched++
		} else {
			entry.NotMatched++
		}
		for i, clause := range x.Leaves() {
			switch {
			case clause.Skipped || i >= len(entry.Clauses):
			case clause.Verdict == rule.Matched:
				entry.Clauses[i].True++
			case clause.Verdict == rule.NotMatched:
				entry.Clauses[i].False++
			}
		}
	}
}

// WriteLCOV writes the coverage as an lcov trace file: the line of a rule is hit by each event that it matched, and each clause has two
// branches, true and false.
func (c *Coverage) WriteLCOV(w io.Writer) error {
	out := &printer{w: w}
	var files []string
	for _, r := range c.Rules {
		if !slices.Contains(files, r.File) {
			files = append(files, r.File)
		}
	}
	for _, file := range files {
		out.printf("TN:\nSF:%s\n", file)
		c.writeFile(out, file)
		out.printf("end_of_record\n")
	}
	return out.err
}

func (c *Coverage) writeFile(out *printer, file string) {
	lines, branches, branchesHit := map[int]int{}, 0, 0
	var order []int
	hit := func(line, n int) {
		if _, ok := lines[line]; !ok {
			order = append(order, line)
		}
		lines[line] = max(lines[line], n)
	}
	for block, r := range c.Rules {
		if r.File != file {
			continue
		}
		hit(r.Line, r.Matched)
		for i, clause := range r.Clauses {
			hit(clause.Line, clause.True+clause.False)
			for branch, n := range []int{clause.True, clause.False} {
				if branch == 1 && clause.Text == "true" {
					continue
				}
				taken := fmt.Sprint(n)
				if clause.True+clause.False == 0 {
					taken = "-"
				}
				out.printf("BRDA:%d,%d,%d,%s\n", clause.Line, block, 2*i+branch, taken)
				branches++
				if n > 0 {
					branchesHit++
				}
			}
		}
	}
	out.printf("BRF:%d\nBRH:%d\n", branches, branchesHit)
	slices.Sort(order)
	linesHit := 0
	for _, line := range order {
		out.printf("DA:%d,%d\n", line, lines[line])
		if lines[line] > 0 {
			linesHit++
		}
	}
	out.printf("LF:%d\nLH:%d\n", len(order), linesHit)
}

// printer keeps its first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, a ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, a...)
	}
}
