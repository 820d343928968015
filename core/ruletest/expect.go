package ruletest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/rule"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// failures checks all expectations of a test.
func (o *observed) failures() []Failure {
	var all []Failure
	var unmet []*config.TestExpect
	for _, x := range o.test.Expects {
		if f, failed := o.check(x); failed {
			all, unmet = append(all, f), append(unmet, x)
		}
	}
	if f, failed := o.checkDeliveries(); failed {
		all = append(all, f)
	}
	return append(all, o.unexpectedErrors(unmet)...)
}

// check compares the deliveries with one expectation.
func (o *observed) check(x *config.TestExpect) (Failure, bool) {
	var candidates, met []rule.Delivery
	for _, d := range o.deliveries {
		if !concerns(x, d) {
			continue
		}
		candidates = append(candidates, d)
		if len(differences(x, d)) == 0 {
			met = append(met, d)
		}
	}
	f := Failure{Line: x.DeclRange.Start.Line}
	switch {
	case x.Count < 0 && len(met) > 0, x.Count == len(met):
		return f, false
	case len(met) > max(x.Count, 0):
		f.Message = fmt.Sprintf("expected %s, got %d", describe(x), len(met))
		f.Nearest = o.explanation(met[len(met)-1].Rule, rule.Matched)
		return f, true
	case len(candidates) > len(met):
		nearest := slices.MinFunc(candidates, func(a, b rule.Delivery) int { return distance(x, a) - distance(x, b) })
		f.Message = fmt.Sprintf("expected %s, got one that differs", describe(x))
		f.Differences = differences(x, nearest)
		return f, true
	}
	f.Message = fmt.Sprintf("expected %s, got %s", describe(x), o.delivered())
	if len(met) > 0 {
		f.Message = fmt.Sprintf("expected %s, got %d", describe(x), len(met))
	}
	if note := o.note(x); note != "" {
		f.Message += "\n" + note
	}
	f.Nearest = o.nearest(x)
	return f, true
}

// concerns reports whether a delivery is one that an expectation is about.
func concerns(x *config.TestExpect, d rule.Delivery) bool {
	switch {
	case x.Rule != "" && x.Rule != d.Rule, x.Plugin != "" && x.Plugin != d.Plugin, x.Shadow != d.Shadow:
		return false
	case x.Error != "":
		return d.Err != nil
	}
	return true
}

// differences says how a delivery differs from an expectation that concerns it.
func differences(x *config.TestExpect, d rule.Delivery) []Difference {
	if x.Error != "" {
		if strings.Contains(d.Err.Error(), x.Error) {
			return nil
		}
		return []Difference{{Path: "error", Expected: quoted(x.Error), Got: quoted(d.Err.Error())}}
	}
	if d.Err != nil {
		return []Difference{{Path: "error", Got: quoted(d.Err.Error())}}
	}
	var all []Difference
	if x.OrderKey != nil && *x.OrderKey != d.OrderKey {
		all = append(all, Difference{Path: "order_key", Expected: quoted(*x.OrderKey), Got: quoted(d.OrderKey)})
	}
	if x.Arguments != cty.NilVal {
		all = append(all, compare(x.Arguments, d.Arguments)...)
	}
	return all
}

// distance is smaller for deliveries that come nearer to an expectation.
func distance(x *config.TestExpect, d rule.Delivery) int {
	n := len(differences(x, d))
	if (d.Err != nil) != (x.Error != "") {
		n += 1000
	}
	return n
}

// checkDeliveries compares the number of deliveries.
func (o *observed) checkDeliveries() (Failure, bool) {
	var real []rule.Delivery
	for _, d := range o.deliveries {
		if d.Err == nil && !d.Shadow {
			real = append(real, d)
		}
	}
	want := o.test.Deliveries
	if want < 0 || want == len(real) {
		return Failure{}, false
	}
	f := Failure{Line: o.test.DeliveriesRange.Start.Line, Message: fmt.Sprintf("expected %s, got %s", describe(&config.TestExpect{Count: want}), o.delivered())}
	if len(real) > want {
		f.Nearest = o.explanation(real[len(real)-1].Rule, rule.Matched)
	} else {
		f.Nearest = o.nearest(&config.TestExpect{})
	}
	return f, true
}

// unexpectedErrors are the errors of rules that no expectation is about. Those that one of the unmet is about are reported with it.
func (o *observed) unexpectedErrors(unmet []*config.TestExpect) []Failure {
	var all []Failure
	seen := map[string]bool{}
	for _, d := range o.deliveries {
		if d.Err == nil || seen[d.Err.Error()] || slices.ContainsFunc(o.test.Expects, func(x *config.TestExpect) bool {
			return concerns(x, d) && (len(differences(x, d)) == 0 || slices.Contains(unmet, x))
		}) {
			continue
		}
		seen[d.Err.Error()] = true
		all = append(all, Failure{
			Line: o.test.DeclRange.Start.Line, Message: fmt.Sprintf("rule %q fails: %v", d.Rule, d.Err), Nearest: o.explanation(d.Rule, rule.Failed),
		})
	}
	return all
}

// nearest explains the rule that came nearest to what was expected: the one named, or the one for the plugin that got furthest.
func (o *observed) nearest(x *config.TestExpect) *rule.Explanation {
	var best *rule.Explanation
	passed := -1
	for i := range o.explanations {
		e := &o.explanations[i]
		if e.Verdict == rule.Matched && len(e.Deliveries) > 0 || x.Rule != "" && x.Rule != e.Rule || x.Plugin != "" && !o.reaches(e.Rule, x.Plugin) {
			continue
		}
		n := 0
		for _, c := range e.Clauses {
			if c.Verdict == rule.Matched && !c.Skipped {
				n++
			}
		}
		if n > passed {
			best, passed = e, n
		}
	}
	return best
}

func (o *observed) reaches(name, plugin string) bool {
	return slices.ContainsFunc(o.world.Config.Rules, func(r *config.Rule) bool {
		return r.Name == name && slices.ContainsFunc(r.Dispatches, func(d *config.Dispatch) bool { return d.Plugin.Name == plugin })
	})
}

// explanation finds what a rule said with a verdict.
func (o *observed) explanation(name string, v rule.Verdict) *rule.Explanation {
	for i := range o.explanations {
		if e := &o.explanations[i]; e.Rule == name && e.Verdict == v {
			return e
		}
	}
	return nil
}

// note says what about the rule itself keeps it from delivering what was expected.
func (o *observed) note(x *config.TestExpect) string {
	i := slices.IndexFunc(o.world.Config.Rules, func(r *config.Rule) bool { return r.Name == x.Rule })
	if i < 0 {
		return ""
	}
	r := o.world.Config.Rules[i]
	sees := slices.ContainsFunc(o.events, func(e *pointsmanv1.Envelope) bool {
		return slices.ContainsFunc(r.On, func(s *config.Source) bool { return s.Name == e.GetSource() })
	})
	switch {
	case !sees:
		var on []string
		for _, s := range r.On {
			on = append(on, fmt.Sprintf("%q", s.Name))
		}
		return fmt.Sprintf("rule %q sees no event of this test: it is on %s", r.Name, strings.Join(on, ", "))
	case !r.Enabled:
		return fmt.Sprintf("rule %q has enabled = false", r.Name)
	case r.Shadow && !x.Shadow:
		return fmt.Sprintf("rule %q has mode = \"shadow\" and delivers nothing: expect what it would deliver with shadow = true", r.Name)
	case !r.Shadow && x.Shadow:
		return fmt.Sprintf("rule %q is no shadow rule", r.Name)
	}
	return ""
}

// delivered lists what there was, for people.
func (o *observed) delivered() string {
	const most = 10
	var all []string
	for i, d := range o.deliveries {
		if i == most {
			all = append(all, fmt.Sprintf("%d more", len(o.deliveries)-most))
			break
		}
		text := fmt.Sprintf("%q to %q", d.Rule, d.Plugin)
		if d.Err != nil {
			text = fmt.Sprintf("the failure of %q", d.Rule)
		} else if d.Shadow {
			text += " (shadow)"
		}
		all = append(all, text)
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// describe is an expectation in words.
func describe(x *config.TestExpect) string {
	by := ""
	if x.Rule != "" {
		by = fmt.Sprintf(" by rule %q", x.Rule)
	}
	if x.Plugin != "" {
		by += fmt.Sprintf(" to plugin %q", x.Plugin)
	}
	one, many := "delivery", "deliveries"
	switch {
	case x.Error != "":
		one, many = "failure", "failures"
	case x.Shadow:
		one, many = "shadow delivery", "shadow deliveries"
	}
	switch x.Count {
	case -1:
		return "a " + one + by
	case 0:
		return "no " + one + by
	case 1:
		return "1 " + one + by
	}
	return fmt.Sprintf("%d %s%s", x.Count, many, by)
}
