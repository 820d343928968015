package rule

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Verdict is what a condition, or a part of one, says about an event.
type Verdict uint8

// The zero Verdict is NotMatched.
const (
	NotMatched Verdict = iota
	Matched
	// Failed is the verdict of an expression that has no value for the event. Match makes dead letters of it.
	Failed
	// Unknown is the verdict of a skipped clause that would have failed.
	Unknown
)

// Clause is one part of a condition.
type Clause struct {
	// Text is the expression in one line, cut after 100 bytes.
	Text    string
	Line    int
	Verdict Verdict
	// Skipped is set if another part had decided before: the clause was not evaluated. Verdict is what it would have been.
	Skipped bool
	// Operator says how Parts are joined: "&&", "||", or "!" before a single one. It is empty for a clause without parts.
	Operator string
	Parts    []Clause
	// Reads are the values that a clause without parts compares.
	Reads []Read
}

// Operators of clauses.
const (
	andOp = "&&"
	orOp  = "||"
	notOp = "!"
)

var joints = map[*hclsyntax.Operation]string{hclsyntax.OpLogicalAnd: andOp, hclsyntax.OpLogicalOr: orOp}

// condition is the condition of a rule, compiled once more for an explanation.
type condition struct {
	// event is the type of the events. It is not the one that the rules in force share, because compiling may add to it.
	event *eventType
	root  *part
}

// part is what a Clause is compiled to.
type part struct {
	text     string
	line     int
	operator string
	parts    []*part
	// test and reads are those of a clause without parts.
	test  func(*frame) bool
	reads []*read
}

func (s *Set) condition(p *program) condition {
	event := newEventType(p.kind)
	c := &compiler{event: event.root, scope: p.block.Scope, source: s.config.Text}
	return condition{event, c.part(p.block.When.(hclsyntax.Expression), `"when"`)}
}

// part compiles an expression that was compiled without errors before. role is what its value is for, for messages.
func (c *compiler) part(e hclsyntax.Expression, role string) *part {
	operator, inner := takeApart(e, role)
	out := &part{text: c.at(e.Range()).text(), line: e.Range().Start.Line, operator: operator}
	for _, x := range inner {
		out.parts = append(out.parts, c.part(x.e, x.role))
	}
	if operator == "" {
		out.test, out.reads = c.asBool(c.compile(e), role), c.readsOf(e)
	}
	return out
}

// takeApart returns the parts of a clause and the operator that joins them; the operator is empty for a clause without parts. role is
// what the clause is there, for messages.
func takeApart(e hclsyntax.Expression, role string) (operator string, parts []side) {
	switch inner := bare(e).(type) {
	case *hclsyntax.BinaryOpExpr:
		if joint := joints[inner.Op]; joint != "" {
			return joint, sides(inner, inner.Op, role)
		}
	case *hclsyntax.UnaryOpExpr:
		if _, ok := inner.Val.(*hclsyntax.ParenthesesExpr); ok && inner.Op == hclsyntax.OpLogicalNot {
			return notOp, []side{{inner.Val, "the operand of !"}}
		}
	}
	return "", nil
}

// bare is an expression without parentheses around it.
func bare(e hclsyntax.Expression) hclsyntax.Expression {
	for {
		p, ok := e.(*hclsyntax.ParenthesesExpr)
		if !ok {
			return e
		}
		e = p.Expression
	}
}

// side is an expression beside && or ||, and what it is there, for messages.
type side struct {
	e    hclsyntax.Expression
	role string
}

// sides are the parts of an expression that are joined by op at its top. role is what the expression is there.
func sides(e hclsyntax.Expression, op *hclsyntax.Operation, role string) []side {
	if inner, ok := bare(e).(*hclsyntax.BinaryOpExpr); ok && inner.Op == op {
		return slices.Concat(sides(inner.LHS, op, "the left side of "+joints[op]), sides(inner.RHS, op, "the right side of "+joints[op]))
	}
	return []side{{e, role}}
}

// joined are the expressions of sides.
func joined(e hclsyntax.Expression, op *hclsyntax.Operation) []hclsyntax.Expression {
	var parts []hclsyntax.Expression
	for _, s := range sides(e, op, "") {
		parts = append(parts, s.e)
	}
	return parts
}

// explain evaluates a clause as Match does: each part at most once, in the same order, until the first one that decides. What comes
// after that is skipped, which leaves no trace in the frame.
func (p *part) explain(f *frame, skipped bool) Clause {
	out := Clause{Text: p.text, Line: p.line, Skipped: skipped, Operator: p.operator}
	switch p.operator {
	case "":
		out.Verdict = p.verdict(f, skipped)
		out.Reads = readAll(f, p.reads)
	case notOp:
		out.Parts = []Clause{p.parts[0].explain(f, skipped)}
		out.Verdict = opposite(out.Parts[0].Verdict)
	default:
		goesOn := Matched // the verdict after which the next part matters
		if p.operator == orOp {
			goesOn = NotMatched
		}
		out.Verdict = goesOn
		for _, inner := range p.parts {
			decided := out.Verdict != goesOn
			x := inner.explain(f, skipped || decided)
			if !decided {
				out.Verdict = x.Verdict
			}
			out.Parts = append(out.Parts, x)
		}
	}
	return out
}

func (p *part) verdict(f *frame, skipped bool) Verdict {
	if !skipped {
		matched := p.test(f)
		return verdictOf(matched, f.err != nil, Failed)
	}
	matched, ok := aside(f, p.test)
	return verdictOf(matched, !ok, Unknown)
}

func verdictOf(matched, failed bool, ifFailed Verdict) Verdict {
	switch {
	case failed:
		return ifFailed
	case matched:
		return Matched
	}
	return NotMatched
}

func opposite(v Verdict) Verdict {
	switch v {
	case Matched:
		return NotMatched
	case NotMatched:
		return Matched
	}
	return v
}

// aside evaluates what the rule itself does not. It returns false if that fails, and does not count as the rule's work.
func aside[T any](f *frame, fn func(*frame) T) (T, bool) {
	err, work, lookups := f.err, f.work, f.lookups
	f.begin()
	v := fn(f)
	ok := f.err == nil
	f.err, f.work, f.lookups = err, work, lookups
	return v, ok
}
