package app

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/pointsman/pointsman/core/journal"
)

func TestRuleMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := newRuleMetrics(reg).begin(map[string][]string{"both": {"lab", "field"}, "one": {"lab"}})
	m.count("lab", false, []journal.NewDelivery{{Rule: "both"}, {Rule: "both"}, {Rule: "one", Dead: "no such thing"}})
	m.count("lab", false, nil)
	m.count("field", false, []journal.NewDelivery{{Rule: "both"}})
	m.count("lab", true, nil)     // quarantined: no rule is evaluated
	m.count("nobody", false, nil) // a source that no rule names
	want := `
# HELP pointsman_rule_evaluations_total Evaluations of a rule, by result.
# TYPE pointsman_rule_evaluations_total counter
pointsman_rule_evaluations_total{result="error",rule="both"} 0
pointsman_rule_evaluations_total{result="error",rule="one"} 1
pointsman_rule_evaluations_total{result="match",rule="both"} 2
pointsman_rule_evaluations_total{result="match",rule="one"} 0
pointsman_rule_evaluations_total{result="no_match",rule="both"} 1
pointsman_rule_evaluations_total{result="no_match",rule="one"} 1
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
	both := map[string][]string{"stays": {"lab"}, "goes": {"lab"}}
	one := map[string][]string{"stays": {"lab"}}
	first := m.begin(both)
	first.count("lab", false, []journal.NewDelivery{{Rule: "stays"}, {Rule: "goes"}})
	second := m.begin(one)
	first.count("lab", false, []journal.NewDelivery{{Rule: "stays"}}) // a request that began before the swap
	second.count("lab", false, nil)
	m.begin(one).count("lab", false, []journal.NewDelivery{{Rule: "stays"}})
	m.begin(both).count("lab", false, []journal.NewDelivery{{Rule: "goes"}})
	want := `
# HELP pointsman_rule_evaluations_total Evaluations of a rule, by result.
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
