package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The rules of a for_each are compared one by one, and a list that changes many of them does not fill the answer.
func TestChangesOfForEach(t *testing.T) {
	rules := func(items string) string {
		return baseConfig + plugin("ops", "") + `
locals {
  items = ` + items + `
}
rule "team" {
  for_each = local.items
  on       = ["lab"]
  when     = event.subject == each.value
  dispatch "ops" {}
}
`
	}
	r := newRig(t)
	r.start(rules(`{ red = "a", blue = "b", green = "c" }`))
	change := func(items string) []string {
		t.Helper()
		r.options(rules(items))
		changes, err := r.apply(t.Context(), r.load(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		return changes
	}
	want := []string{`rule team["red"] changed`, `rule team["white"] is new`, `rule team["green"] is gone`, "values of locals or variables changed"}
	if diff := cmp.Diff(want, change(`{ red = "x", blue = "b", white = "c" }`)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	var many []string
	for i := range 150 {
		many = append(many, fmt.Sprintf("k%d = %d", i, i))
	}
	if got := change("{ " + strings.Join(many, ", ") + " }"); len(got) != maxRuleChanges+2 || !slices.Contains(got, "53 more rules differ") {
		t.Errorf("%d lines, the last %q", len(got), got[len(got)-2:])
	}
}
