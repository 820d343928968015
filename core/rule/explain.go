package rule

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/pointsman/pointsman/core/config"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// Verdict is what a condition, or a part of one, says about an event.
type Verdict uint8

// Verdicts.
const (
	NotMatched Verdict = iota
	Matched
	Failed
)

// Explanation is what one rule says about one event.
type Explanation struct {
	Rule string
	// File and Line are where the rule is written.
	File    string
	Line    int
	Verdict Verdict
	// Err is why `when` failed.
	Err error
	// Clauses are the parts of `when` that are joined by && at its top, up to and including the one that decided.
	Clauses []Clause
	// Deliveries are those that Match returns for the rule. There are none if the rule matched but SampledOut or TakenBy is set.
	Deliveries []Delivery
	// Shadow is set for a shadow rule, whose deliveries are not sent.
	Shadow bool
	// SampledOut is set if the rule's sample leaves the event out.
	SampledOut bool
	// TakenBy names, for a fallback rule, the rule that took the event.
	TakenBy string
}

// Clause is one part of a condition.
type Clause struct {
	// Text is the expression in one line, cut after 100 bytes.
	Text    string
	Line    int
	Verdict Verdict
}

// Explain evaluates each rule of the event's source, in the order they are written: all rules, or only the one named by only. It agrees with Match and costs far more, because it compiles the clauses again.
func (s *Set) Explain(env *pointsmanv1.Envelope, only string) []Explanation {
	rules := s.sources[env.GetSource()]
	if rules == nil {
		return nil
	}
	f := newFrame(env, rules.event)
	defer f.release()
	rules.match(f, rules.all)
	takenBy := f.takenBy
	var out []Explanation
	for _, p := range rules.all {
		if only == "" || p.rule == only {
			out = append(out, s.explain(p, f, takenBy))
		}
	}
	return out
}

func (s *Set) explain(p *program, matching *frame, takenBy *program) Explanation {
	at := p.block.DeclRange
	x := Explanation{Rule: p.rule, File: at.Filename, Line: at.Start.Line, Shadow: p.shadow, SampledOut: !p.takes(matching.env)}
	if p.fallback && takenBy != nil {
		x.TakenBy = takenBy.rule
	} else {
		x.Deliveries = p.match(matching, nil)
	}
	parts := conjuncts(p.block.When.(hclsyntax.Expression))
	event := newEventType(p.kind) // compiling adds paths to it, which the rules in force must not see
	c := &compiler{event: event.root, scope: p.block.Scope, source: s.config.Text}
	tests := make([]func(*frame) bool, len(parts))
	for i, part := range parts {
		tests[i] = c.asBool(c.compile(part), `"when"`)
	}
	f := newFrame(matching.env, event)
	defer f.release()
	f.err, f.work = nil, 0
	for i, part := range parts {
		if tests[i] == nil {
			break // cannot happen: the whole condition was compiled
		}
		clause := Clause{Text: c.at(part.Range()).text(), Line: part.Range().Start.Line, Verdict: verdict(tests[i](f), f)}
		x.Clauses = append(x.Clauses, clause)
		if x.Verdict = clause.Verdict; x.Verdict != Matched {
			break
		}
	}
	if f.err != nil {
		x.Err = f.failureAt(p.whenAt)
	}
	return x
}

func verdict(matched bool, f *frame) Verdict {
	switch {
	case f.err != nil:
		return Failed
	case matched:
		return Matched
	}
	return NotMatched
}

// conjuncts are the parts of an expression that are joined by && at its top.
func conjuncts(e hclsyntax.Expression) []hclsyntax.Expression {
	switch inner := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return conjuncts(inner.Expression)
	case *hclsyntax.BinaryOpExpr:
		if inner.Op == hclsyntax.OpLogicalAnd {
			return slices.Concat(conjuncts(inner.LHS), conjuncts(inner.RHS))
		}
	}
	return []hclsyntax.Expression{e}
}

// Condition compiles an expression about the events of a source, for a command that selects events. The error shows the mistakes in
// it. The returned function may be called concurrently; its error says why the expression failed for an event.
func Condition(c *config.Config, e *config.Expression, source *config.Source) (func(*pointsmanv1.Envelope) (bool, error), error) {
	if e.Diagnostics.HasErrors() {
		return nil, errors.New(e.Diagnostics.Error())
	}
	event := newEventType(source.Data)
	compiler := &compiler{event: event.root, scope: c.Scope, source: e.Text}
	when := compiler.compile(e.Expression)
	test := compiler.asBool(when, "the expression")
	if compiler.diags.HasErrors() || test == nil {
		e.Diagnostics.Append(compiler.diags...)
		return nil, fmt.Errorf("events of source %q: %s", source.Name, e.Diagnostics.Error())
	}
	return func(env *pointsmanv1.Envelope) (bool, error) {
		f := newFrame(env, event)
		defer f.release()
		f.err, f.work = nil, 0
		matched := test(f)
		if f.err != nil {
			return false, f.failureAt(when.at)
		}
		return matched, nil
	}, nil
}
