package app

import (
	"fmt"
	"strings"

	"github.com/pointsman/pointsman/core/config"
)

// maxRuleChanges bounds the lines about rules: a list in a for_each may change thousands.
const maxRuleChanges = 100

// changes describes how next differs from g, a line for each part. It is empty if nothing differs.
func (g *generation) changes(next *generation) []string {
	lines := changed("source", g.sources, next.sources, func(s *runningSource) string { return s.block.Name }, sameRun)
	lines = append(lines, changed("plugin", g.plugins, next.plugins, func(p *runningPlugin) string { return p.block.Name }, sameRun)...)
	if g.config.SameText(next.config) && g.config.SameScope(next.config) {
		return lines
	}
	rules := changed("rule", g.config.Rules, next.config.Rules, func(r *config.Rule) string { return r.Name }, func(a, b *config.Rule) bool {
		return g.config.SameRule(a, next.config, b)
	})
	if more := len(rules) - maxRuleChanges; more > 0 {
		rules = append(rules[:maxRuleChanges], fmt.Sprintf("%d more rules differ", more))
	}
	if !g.config.SameScope(next.config) {
		rules = append(rules, "values of locals or variables changed")
	}
	if lines = append(lines, rules...); len(lines) == 0 {
		lines = []string{"only the text of the files changed"} // Positions in diagnostics and explanations must follow it.
	}
	return lines
}

// sameRun is true for a part that was moved from one generation into the next.
func sameRun[P comparable](a, b P) bool { return a == b }

// changed compares parts of one kind by their names.
func changed[P any](kind string, old, next []P, name func(P) string, same func(a, b P) bool) (lines []string) {
	byName := map[string]P{}
	for _, p := range old {
		byName[name(p)] = p
	}
	for _, p := range next {
		n := name(p)
		was, known := byName[n]
		switch {
		case !known:
			lines = append(lines, kind+" "+quoted(n)+" is new")
		case !same(was, p):
			lines = append(lines, kind+" "+quoted(n)+" changed")
		}
		delete(byName, n)
	}
	for _, p := range old {
		if _, gone := byName[name(p)]; gone {
			lines = append(lines, kind+" "+quoted(name(p))+" is gone")
		}
	}
	return lines
}

// quoted puts a name into quotes, unless it has some already: team["eu"].
func quoted(name string) string {
	if strings.Contains(name, `"`) {
		return name
	}
	return `"` + name + `"`
}
