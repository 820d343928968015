package rule

import (
	"errors"
	"fmt"

	"github.com/pointsman/pointsman/core/config"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
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
	// LeftOut are the clauses by which the index knew that the event is not for the rule, joined by ||. It is empty for a rule that
	// Match evaluates.
	LeftOut string
	// Clauses are the parts of `when` that are joined by && at its top. Those after the one that decided are Skipped.
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

// maxExplained is how many rules of a source are explained in full although the index leaves them out.
const maxExplained = 1000

// Explain evaluates each rule of the event's source, in the order they are written: all rules, or only the one named by only. It agrees
// with Match and costs far more, because it compiles the clauses again. Of a source with more than 1,000 rules, those that the index
// leaves out have LeftOut and no clauses, unless one is named.
func (s *Set) Explain(env *pointsmanv1.Envelope, only string) []Explanation {
	rules := s.sources[env.GetSource()]
	if rules == nil {
		return nil
	}
	f := newFrame(env, rules.event)
	defer f.release()
	candidates, evaluated := rules.candidates(f), map[*program]bool{}
	for _, p := range candidates {
		evaluated[p] = true
	}
	rules.match(f, candidates)
	takenBy := f.takenBy
	var out []Explanation
	for i, p := range rules.all {
		if only != "" && p.rule != only {
			continue
		}
		x := p.explanation(env)
		if evaluated[p] || only != "" || len(rules.all) <= maxExplained {
			s.explain(&x, p, f, takenBy)
		}
		if !evaluated[p] {
			x.LeftOut = rules.index.leads[i].text()
		}
		out = append(out, x)
	}
	return out
}

// explanation is what does not depend on the condition.
func (p *program) explanation(env *pointsmanv1.Envelope) Explanation {
	at := p.block.DeclRange
	return Explanation{Rule: p.rule, File: at.Filename, Line: at.Start.Line, Shadow: p.shadow, SampledOut: !p.takes(env)}
}

func (s *Set) explain(x *Explanation, p *program, matching *frame, takenBy *program) {
	if p.fallback && takenBy != nil {
		x.TakenBy = takenBy.rule
	} else {
		x.Deliveries = p.match(matching, nil)
	}
	when := s.condition(p)
	f := newFrame(matching.env, when.event)
	defer f.release()
	f.begin()
	all := when.root.explain(f, false)
	if x.Verdict, x.Clauses = all.Verdict, all.Parts; all.Operator != andOp {
		x.Clauses = []Clause{all}
	}
	if f.err != nil {
		x.Err = f.failureAt(p.whenAt)
	}
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
		f.begin()
		matched := test(f)
		if f.err != nil {
			return false, f.failureAt(when.at)
		}
		return matched, nil
	}, nil
}
