package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/rule"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// Explain implements admin.Router.
func (r *router) Explain(_ context.Context, e *journal.EventRecord, only string) (*admin.Explanation, error) {
	g := r.current.Load()
	if only != "" {
		if err := g.knowsRules([]string{only}); err != nil {
			return nil, err
		}
	}
	env, err := envelopeOf(e)
	if err != nil {
		return nil, err
	}
	out := &admin.Explanation{Generation: g.number}
	if env != nil { // otherwise no rule sees it
		out.Rules = explain(g.config, g.rules, env, only)
	}
	return out, nil
}

// explain returns what all rules say about an event, in the order they are written, or only the one named by only.
func explain(c *config.Config, set *rule.Set, env *pointsmanv1.Envelope, only string) []*adminv1.RuleResult {
	said := map[string]*adminv1.RuleResult{}
	for _, x := range set.Explain(env, only) {
		said[x.Rule] = ruleResult(x)
	}
	var all []*adminv1.RuleResult
	for _, r := range c.Rules {
		if only != "" && r.Name != only {
			continue
		}
		result := said[r.Name]
		if result == nil {
			result = &adminv1.RuleResult{Rule: r.Name, Position: positionOf(r.DeclRange.Filename, r.DeclRange.Start.Line), Skipped: notAsked(r)}
		}
		all = append(all, result)
	}
	return all
}

// notAsked is why a rule does not see an event.
func notAsked(r *config.Rule) string {
	if !r.Enabled {
		return "enabled = false"
	}
	var names []string
	for _, s := range r.On {
		names = append(names, s.Name)
	}
	if len(names) == 1 {
		return "only for source " + names[0]
	}
	return "only for sources " + strings.Join(names, ", ")
}

func positionOf(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }

var verdicts = map[rule.Verdict]adminv1.Verdict{
	rule.Matched: adminv1.Verdict_VERDICT_MATCHED, rule.NotMatched: adminv1.Verdict_VERDICT_NOT_MATCHED, rule.Failed: adminv1.Verdict_VERDICT_FAILED,
}

var presences = map[rule.Presence]adminv1.Presence{
	rule.Present: adminv1.Presence_PRESENCE_PRESENT, rule.Null: adminv1.Presence_PRESENCE_NULL,
	rule.Missing: adminv1.Presence_PRESENCE_MISSING, rule.NotSet: adminv1.Presence_PRESENCE_NOT_SET,
}

// ruleResult is an explanation as the API shows it. The API withholds what depends on a sensitive event.
func ruleResult(x rule.Explanation) *adminv1.RuleResult {
	out := &adminv1.RuleResult{
		Rule: x.Rule, Position: positionOf(x.File, x.Line), Verdict: verdicts[x.Verdict], Clauses: clauses(x.Clauses), LeftOut: x.LeftOut,
		Shadow: x.Shadow, SampledOut: x.SampledOut, TakenBy: x.TakenBy,
	}
	if x.Err != nil {
		out.Error = x.Err.Error()
	}
	for _, d := range x.Deliveries {
		out.Deliveries = append(out.Deliveries, plannedDelivery(&d, false))
	}
	return out
}

func clauses(parts []rule.Clause) []*adminv1.Clause {
	var all []*adminv1.Clause
	for _, c := range parts {
		out := &adminv1.Clause{
			Text: c.Text, Line: int32(c.Line), Verdict: verdicts[c.Verdict], Skipped: c.Skipped, Operator: c.Operator, Parts: clauses(c.Parts),
		}
		for _, r := range c.Reads {
			out.Reads = append(out.Reads, &adminv1.Read{Text: r.Text, Presence: presences[r.Presence], ValueJson: r.Value, Because: r.Because})
		}
		all = append(all, out)
	}
	return all
}
