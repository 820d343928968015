package ruletest

import (
	"fmt"
	"strings"

	"github.com/pointsman/pointsman/core/rule"
)

// Line is one line of a failure's text.
type Line struct {
	// Indent is how deep it stands.
	Indent int
	// Mark is in front of the text: "-" expected, "+" got, "✓" true, "✗" false, "!" failed, "–" not evaluated; empty: a sentence.
	Mark string
	Text string
	// Note follows the text, apart from it.
	Note string
}

// Lines are a failure for people. file is that of its test.
func (f *Failure) Lines(file string) []Line {
	var out []Line
	for i, text := range strings.Split(f.Message, "\n") {
		if i == 0 {
			text = fmt.Sprintf("%s:%d: %s", file, f.Line, text)
		}
		out = append(out, Line{Text: text})
	}
	if len(f.Differences) > 0 {
		out[len(out)-1].Text += " (- expected, + got):"
	}
	for _, d := range f.Differences {
		out = append(out, Line{Indent: 1, Text: d.Path})
		out = append(out, Line{Indent: 2, Mark: "-", Text: orNothing(d.Expected)}, Line{Indent: 2, Mark: "+", Text: orNothing(d.Got)})
	}
	if f.Nearest != nil {
		out = append(out, explain(f.Nearest)...)
	}
	return out
}

func orNothing(json string) string {
	if json == "" {
		return "nothing"
	}
	return json
}

// explain is why a rule decided as it did.
func explain(x *rule.Explanation) []Line {
	verb := map[rule.Verdict]string{rule.Matched: "matches", rule.NotMatched: "does not match", rule.Failed: "fails"}[x.Verdict]
	switch {
	case x.Verdict == rule.Matched && x.TakenBy != "":
		verb += fmt.Sprintf(", and is a fallback: rule %q has taken the event", x.TakenBy)
	case x.Verdict == rule.Matched && x.SampledOut:
		verb += ", and its sample leaves the event out"
	}
	out := []Line{{Text: fmt.Sprintf("rule %q (%s:%d) %s:", x.Rule, x.File, x.Line, verb)}}
	out = append(out, clauses(x.Clauses, 1)...)
	if x.Err != nil {
		out = append(out, Line{Indent: 1, Text: x.Err.Error()})
	}
	return out
}

// clauses are the parts of a condition, each with what it reads.
func clauses(all []rule.Clause, indent int) []Line {
	var out []Line
	for _, c := range all {
		mark := map[rule.Verdict]string{rule.Matched: "✓", rule.NotMatched: "✗", rule.Failed: "!"}[c.Verdict]
		if c.Skipped {
			mark = "–"
		}
		out = append(out, Line{Indent: indent, Mark: mark, Text: c.Text, Note: reads(c)})
		if !c.Skipped {
			out = append(out, clauses(c.Parts, indent+1)...)
		}
	}
	return out
}

// reads are the values that a clause compares.
func reads(c rule.Clause) string {
	var all []string
	for _, r := range c.Reads {
		text := r.Text + " = " + r.Value
		if r.Presence != rule.Present {
			text = fmt.Sprintf("%s is %s", r.Text, r.Presence)
		}
		if r.Because != "" {
			text += ": " + r.Because
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// Text is a failure without colors.
func (f *Failure) Text(file string) string {
	var b strings.Builder
	for _, l := range f.Lines(file) {
		b.WriteString(strings.Repeat("  ", l.Indent))
		if l.Mark != "" {
			b.WriteString(l.Mark + " ")
		}
		b.WriteString(l.Text)
		if l.Note != "" {
			b.WriteString("   " + l.Note)
		}
		b.WriteString("\n")
	}
	return b.String()
}
