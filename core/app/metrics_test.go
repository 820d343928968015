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
	m := newRuleMetrics(reg, map[string][]string{"both": {"lab", "field"}, "one": {"lab"}})
	m.count("lab", false, []journal.NewDelivery{{Rule: "both"}, {Rule: "both"}, {Rule: "one", Dead: "no such thing"}})
	m.count("lab", false, nil)
	m.count("field", false, []journal.NewDelivery{{Rule: "both"}})
	m.count("lab", true, nil)     // quarantined: no rule was asked
	m.count("nobody", false, nil) // a source that no rule names
	want := `
# HELP pointsman_rule_evaluations_total Events that a rule was asked about, by what it said.
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
