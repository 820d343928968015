package rule

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/pointsman/pointsman/core/config"
)

// Lint returns warnings about rules that are allowed and hardly meant: each says what is certain. now is for the dates in the
// descriptions of shadow rules.
func (s *Set) Lint(now time.Time) hcl.Diagnostics {
	l := &linter{config: s.config, rules: s.valid, events: map[string]*eventType{}, verdicts: map[hcl.Expression]truth{}}
	blocks := map[string]bool{}
	for _, r := range l.rules {
		l.pastDate(r, now)
		// The rules of a block with for_each share its text.
		if !blocks[r.Block] {
			blocks[r.Block] = true
			l.condition(r)
			l.dispatches(r)
		}
	}
	l.fallbacks()
	return l.diags
}

type linter struct {
	config *config.Config
	rules  []*config.Rule
	events map[string]*eventType
	// verdicts are what conditions are for every event.
	verdicts map[hcl.Expression]truth
	diags    hcl.Diagnostics
}

func (l *linter) warn(rng hcl.Range, summary, format string, args ...any) {
	l.diags = append(l.diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &rng})
}

// text is an expression as it is written; empty if part of it is masked, so that two secrets do not look the same.
func (l *linter) text(e hclsyntax.Expression) string {
	text := l.config.Text(e.Range())
	if strings.Contains(text, "**") {
		return ""
	}
	return text
}

// condition reports a condition that is never true, and clauses that decide nothing.
func (l *linter) condition(r *config.Rule) {
	clauses := joined(r.When.(hclsyntax.Expression), hclsyntax.OpLogicalAnd)
	for i, clause := range clauses {
		switch verdict := l.judge(r, clause); {
		case verdict == never:
			l.warn(clause.Range(), "Rule never matches", "This is false for every event.")
			return
		case verdict == always && len(clauses) > 1:
			l.warn(clause.Range(), "Clause is always true", "This is true for every event: the rule is the same without it.")
		case verdict == always && !isTrue(clause):
			l.warn(clause.Range(), "Condition is always true", "This is true for every event. If that is meant, write when = true.")
		case l.repeats(clauses[:i], clause):
			l.warn(clause.Range(), "Clause written twice", "The condition has the same clause before.")
		}
	}
	if len(clauses) > 1 {
		l.contradiction(r, clauses)
	}
}

// repeats reports whether a clause is among those before it.
func (l *linter) repeats(before []hclsyntax.Expression, clause hclsyntax.Expression) bool {
	rng := clause.Range()
	length := rng.End.Byte - rng.Start.Byte
	return slices.ContainsFunc(before, func(e hclsyntax.Expression) bool {
		other := e.Range()
		return other.End.Byte-other.Start.Byte == length && l.text(e) == l.text(clause) && l.text(e) != ""
	})
}

func (l *linter) quote(e hclsyntax.Expression) string {
	c := &compiler{source: l.config.Text}
	return c.at(e.Range()).text()
}

// isTrue reports whether e is the literal true, as people write it to match every event.
func isTrue(e hclsyntax.Expression) bool {
	lit, ok := e.(*hclsyntax.LiteralValueExpr)
	return ok && lit.Val.True()
}

// dispatches reports the same dispatch block twice, and order keys that put all deliveries into one line.
func (l *linter) dispatches(r *config.Rule) {
	for i, d := range r.Dispatches {
		for _, earlier := range r.Dispatches[:i] {
			if same := l.dispatchText(d); same != "" && same == l.dispatchText(earlier) {
				l.warn(d.DeclRange, "Dispatch written twice", "The dispatch block at line %d has the same plugin and arguments: plugin %q gets each event twice.", earlier.DeclRange.Start.Line, d.Plugin.Name)
				break
			}
		}
		if d.OrderBy != nil {
			l.orderKey(r, d.OrderBy.(hclsyntax.Expression))
		}
	}
}

// dispatchText is what a dispatch block sends; empty if it cannot be told.
func (l *linter) dispatchText(d *config.Dispatch) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", d.Plugin.Name)
	if d.OrderBy != nil {
		fmt.Fprintf(&b, "%s\n", l.text(d.OrderBy.(hclsyntax.Expression)))
	}
	if !l.writeArguments(&b, d.Arguments, d.Blocks) {
		return ""
	}
	return b.String()
}

func (l *linter) writeArguments(b *strings.Builder, attrs hcl.Attributes, blocks []*config.ArgumentBlock) bool {
	for _, name := range sortedNames(attrs) {
		text := l.text(attrs[name].Expr.(hclsyntax.Expression))
		if text == "" {
			return false
		}
		fmt.Fprintf(b, "%s = %s\n", name, text)
	}
	for _, block := range blocks {
		fmt.Fprintf(b, "%s {\n", block.Name)
		if !l.writeArguments(b, block.Arguments, block.Blocks) {
			return false
		}
		b.WriteString("}\n")
	}
	return true
}

func sortedNames(attrs hcl.Attributes) []string {
	var names []string
	for name := range attrs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (l *linter) orderKey(r *config.Rule, e hclsyntax.Expression) {
	if uses(e, "event") || uses(e, "each") {
		return
	}
	x := l.compile(r, r.On, e)
	if x == nil || x.constant == nil {
		return
	}
	if key, ok := x.constant.toText(); ok && key != "" {
		l.warn(e.Range(), "Order key is constant", "Every delivery of this block has the order key %q, so each waits until the one before it has ended, also after errors. "+
			"Use a part of the event, such as event.subject, or leave order_by out.", key)
	}
}

var isoDate = regexp.MustCompile(`\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b`)

// pastDate reports a shadow rule whose description names a day that is over. Of several days the last counts.
func (l *linter) pastDate(r *config.Rule, now time.Time) {
	if !r.Shadow || !r.Enabled {
		return
	}
	var last time.Time
	for _, text := range isoDate.FindAllString(r.Description, -1) {
		if day, err := time.Parse(time.DateOnly, text); err == nil && day.After(last) {
			last = day
		}
	}
	if !last.IsZero() && !now.Before(last.AddDate(0, 0, 1)) {
		l.warn(r.DeclRange, "Shadow rule is past its date", "The description of rule %s names %s, and that day is over. Make the rule live, remove it, or set another date.", r.Name, last.Format(time.DateOnly))
	}
}

// fallbacks reports fallback rules that are never used, because for each of their sources another rule takes every event.
func (l *linter) fallbacks() {
	taker := map[*config.Source]*config.Rule{}
	if !slices.ContainsFunc(l.rules, func(r *config.Rule) bool { return r.Fallback }) {
		return
	}
	for _, r := range l.rules {
		if r.Fallback || r.Shadow || !r.Enabled || l.judge(r, r.When.(hclsyntax.Expression)) != always {
			continue
		}
		for _, s := range r.On {
			if taker[s] == nil {
				taker[s] = r
			}
		}
	}
	for _, r := range l.rules {
		if r.Fallback && !slices.ContainsFunc(r.On, func(s *config.Source) bool { return taker[s] == nil }) {
			l.warn(r.DeclRange, "Fallback rule is never used", "Rule %s takes every event of source %q, so none is left for rule %s.", taker[r.On[0]].Name, r.On[0].Name, r.Name)
		}
	}
}
