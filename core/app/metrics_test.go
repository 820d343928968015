package app

import (
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/rule"
)

func ruleOf(name string, sources ...string) *config.Rule {
	r := &config.Rule{Name: name, Enabled: true}
	for _, s := range sources {
		r.On = append(r.On, &config.Source{Name: s})
	}
	return r
}

func TestRuleMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	shadow, disabled := ruleOf("shadow", "lab"), ruleOf("disabled", "lab")
	shadow.Shadow, disabled.Enabled = true, false
	m := newRuleMetrics(reg).begin([]*config.Rule{ruleOf("both", "lab", "field"), ruleOf("one", "lab"), shadow, disabled})
	m.count("lab", false, []rule.Delivery{{Rule: "both"}, {Rule: "both"}, {Rule: "one", Err: errors.New("no such thing")}, {Rule: "shadow", Shadow: true}})
	m.count("lab", false, []rule.Delivery{{Rule: "shadow", Shadow: true, Err: errors.New("no such thing")}})
	m.count("field", false, []rule.Delivery{{Rule: "both"}})
	m.count("lab", true, nil)     // quarantined: no rule is evaluated
	m.count("nobody", false, nil) // a source that no rule names
	want := `
# HELP pointsman_rule_evaluations_total Evaluations of a rule, by result. shadow: a shadow rule matched; no_match: also what sample left out, and what a fallback rule left to others.
# TYPE pointsman_rule_evaluations_total counter
pointsman_rule_evaluations_total{result="error",rule="both"} 0
pointsman_rule_evaluations_total{result="error",rule="disabled"} 0
pointsman_rule_evaluations_total{result="error",rule="one"} 1
pointsman_rule_evaluations_total{result="error",rule="shadow"} 1
pointsman_rule_evaluations_total{result="match",rule="both"} 2
pointsman_rule_evaluations_total{result="match",rule="disabled"} 0
pointsman_rule_evaluations_total{result="match",rule="one"} 0
pointsman_rule_evaluations_total{result="match",rule="shadow"} 0
pointsman_rule_evaluations_total{result="no_match",rule="both"} 1
pointsman_rule_evaluations_total{result="no_match",rule="disabled"} 0
pointsman_rule_evaluations_total{result="no_match",rule="one"} 1
pointsman_rule_evaluations_total{result="no_match",rule="shadow"} 0
pointsman_rule_evaluations_total{result="shadow",rule="shadow"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "pointsman_rule_evaluations_total"); err != nil {
		t.Error(err)
	}
}

// A counter goes on over generations, also for events that the previous generation still counts. Rules that are gone have no
// series, and one that comes back starts again.
func TestRuleMetricsOverGenerations(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := newRuleMetrics(reg)
	both := []*config.Rule{ruleOf("stays", "lab"), ruleOf("goes", "lab")}
	one := []*config.Rule{ruleOf("stays", "lab")}
	first := m.begin(both)
	first.count("lab", false, []rule.Delivery{{Rule: "stays"}, {Rule: "goes"}})
	second := m.begin(one)
	first.count("lab", false, []rule.Delivery{{Rule: "stays"}}) // a request that began before the swap
	second.count("lab", false, nil)
	m.begin(one).count("lab", false, []rule.Delivery{{Rule: "stays"}})
	m.begin(both).count("lab", false, []rule.Delivery{{Rule: "goes"}})
	want := `
# HELP pointsman_rule_evaluations_total Evaluations of a rule, by result. shadow: a shadow rule matched; no_match: also what sample left out, and what a fallback rule left to others.
# TYPE pointsman_rule_evaluations_total counter
pointsman_rule_evaluations_total{result="error",rule="goes"} 0
pointsman_rule_evaluations_total{result="error",rule="stays"} 0
pointsman_rule_evaluations_total{result="match",rule="goes"} 1
pointsman_rule_evaluations_total{result="match",rule="stays"} 3
pointsman_rule_evaluations_total{result="no_match",rule="goes"} 0
pointsman_rule_evaluations_total{result="no_match",rule="stays"} 2
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "pointsman_rule_evaluations_total"); err != nil {
		t.Error(err)
	}
}
