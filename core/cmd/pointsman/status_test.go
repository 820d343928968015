package main

import (
	"fmt"
	"strings"
	"testing"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// TestBusiestRules: of many rules the page has those that somebody looks for.
func TestBusiestRules(t *testing.T) {
	var rules []*adminv1.Rule
	for i := range 10_000 {
		rules = append(rules, &adminv1.Rule{Name: fmt.Sprint("r", i), Mode: "live", Position: "a.hcl:1"})
	}
	rules[9000].Failed, rules[9500].Matched = 1, 7
	rules[8000].Mode, rules[8000].Shadow = "shadow", 3
	var page strings.Builder
	if err := writeRules(&page, rules); err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(page.String()) {
		names = append(names, strings.Fields(line)[0])
	}
	want := append(append([]string{"RULE"}, firstRules(47)...), "r8000", "r9000", "r9500", "9,950")
	if got := strings.Join(names, " "); got != strings.Join(want, " ") {
		t.Errorf("got  %s\nwant %s", got, strings.Join(want, " "))
	}
}

func firstRules(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint("r", i))
	}
	return names
}
