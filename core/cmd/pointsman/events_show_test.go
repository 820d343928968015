package main

import (
	"fmt"
	"strings"
	"testing"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// TestManyRules: a source may have thousands of rules of which one matches.
func TestManyRules(t *testing.T) {
	for n, want := range map[int]string{20: "r19 ", 21: "1 more rule does not match: pointsman explain shows it", 10_000: "9,980 more rules do not match: pointsman explain shows them"} {
		var rules []*adminv1.RuleResult
		for i := range n {
			rules = append(rules, &adminv1.RuleResult{Rule: fmt.Sprint("r", i), Position: "a.hcl:1", Verdict: adminv1.Verdict_VERDICT_NOT_MATCHED})
		}
		rules = append(rules, &adminv1.RuleResult{Rule: "last", Position: "a.hcl:2", Verdict: adminv1.Verdict_VERDICT_MATCHED})
		var page strings.Builder
		writeRuleResults(&page, rules, false)
		if got := page.String(); !strings.Contains(got, want) || !strings.Contains(got, "last (a.hcl:2) matches") || strings.Count(got, "\n") > 25 {
			t.Errorf("%d rules:\n%s", n, got)
		}
	}
}
