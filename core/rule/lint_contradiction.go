package rule

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/pointsman/pointsman/core/config"
)

// claim is what a clause says about one place of the event: that its value is, or is not, among some; that it begins or ends with a
// text; or that it is on one side of a number.
type claim struct {
	path   string // empty: the clause says nothing of this kind
	values []value
	not    bool
	prefix string
	suffix string
	// below and above are exclusive unless inclusive is set.
	below, above *number
	inclusive    bool
}

// contradiction reports the first clause that cannot be true together with those before it.
func (l *linter) contradiction(r *config.Rule, clauses []hclsyntax.Expression) {
	clauses = aboutOnePlace(clauses)
	before := map[string][]claim{}
	places := map[string][]hclsyntax.Expression{}
	for _, clause := range clauses {
		c := l.claim(r, clause)
		if c.path == "" {
			continue
		}
		for i, earlier := range before[c.path] {
			if !compatible(earlier, c) {
				hint := ""
				if len(earlier.values) > 0 && len(c.values) > 0 && !earlier.not && !c.not {
					hint = " Did you mean ||, or contains([...], " + c.path + ")?"
				}
				l.warn(clause.Range(), "Rule never matches", "This and %s (line %d) are never true together.%s", l.quote(places[c.path][i]), places[c.path][i].Range().Start.Line, hint)
				return
			}
		}
		before[c.path] = append(before[c.path], c)
		places[c.path] = append(places[c.path], clause)
	}
}

// aboutOnePlace leaves out the clauses that are the only one about a place of the event.
func aboutOnePlace(clauses []hclsyntax.Expression) []hclsyntax.Expression {
	paths := make([]string, len(clauses))
	for i, clause := range clauses {
		paths[i] = claimPath(clause)
	}
	var kept []hclsyntax.Expression
	for i, clause := range clauses {
		if paths[i] != "" && (slices.Contains(paths[:i], paths[i]) || slices.Contains(paths[i+1:], paths[i])) {
			kept = append(kept, clause)
		}
	}
	return kept
}

// claimPath is the path that claim would find.
func claimPath(e hclsyntax.Expression) string {
	switch e := bare(e).(type) {
	case *hclsyntax.UnaryOpExpr:
		return claimPath(e.Val)
	case *hclsyntax.FunctionCallExpr:
		for _, arg := range e.Args {
			if path := eventPath(arg); path != "" {
				return path
			}
		}
	case *hclsyntax.BinaryOpExpr:
		if e.Op == hclsyntax.OpLogicalOr {
			return claimPath(e.LHS)
		}
		return cmp.Or(eventPath(e.LHS), eventPath(e.RHS))
	}
	return ""
}

// compatible reports whether both claims may be true of one value.
func compatible(a, b claim) bool {
	if len(b.values) > 0 && !b.not {
		a, b = b, a
	}
	switch {
	case len(a.values) > 0 && !a.not:
		return slices.ContainsFunc(a.values, b.allows)
	case a.prefix != "" && b.prefix != "":
		return strings.HasPrefix(a.prefix, b.prefix) || strings.HasPrefix(b.prefix, a.prefix)
	case a.suffix != "" && b.suffix != "":
		return strings.HasSuffix(a.suffix, b.suffix) || strings.HasSuffix(b.suffix, a.suffix)
	case a.above != nil && b.below != nil:
		return overlap(a, b)
	case a.below != nil && b.above != nil:
		return overlap(b, a)
	}
	return true
}

// overlap reports whether a number may be above the bound of low and below that of high.
func overlap(low, high claim) bool {
	order := low.above.compare(*high.below)
	return order < 0 || order == 0 && low.inclusive && high.inclusive
}

// allows reports whether the claim may be true of v. What would fail is left to the event.
func (c claim) allows(v value) bool {
	switch {
	case len(c.values) > 0:
		return c.not != slices.ContainsFunc(c.values, func(other value) bool { return equal(v, other) })
	case c.prefix != "" && v.kind == text:
		return strings.HasPrefix(normal(v.str), normal(c.prefix))
	case c.suffix != "" && v.kind == text:
		return strings.HasSuffix(normal(v.str), normal(c.suffix))
	case c.above != nil && v.kind == numeric:
		order := v.num.compare(*c.above)
		return order > 0 || order == 0 && c.inclusive
	case c.below != nil && v.kind == numeric:
		order := v.num.compare(*c.below)
		return order < 0 || order == 0 && c.inclusive
	}
	return true
}

// claim reads a clause. It is empty for one that uses each, whose value differs from rule to rule.
func (l *linter) claim(r *config.Rule, e hclsyntax.Expression) claim {
	if uses(e, "each") {
		return claim{}
	}
	switch e := bare(e).(type) {
	case *hclsyntax.UnaryOpExpr:
		c := l.claim(r, e.Val)
		if e.Op != hclsyntax.OpLogicalNot || len(c.values) == 0 {
			return claim{}
		}
		c.not = !c.not
		return c
	case *hclsyntax.FunctionCallExpr:
		return l.callClaim(r, e)
	case *hclsyntax.BinaryOpExpr:
		if e.Op == hclsyntax.OpLogicalOr {
			return l.eitherClaim(r, e)
		}
		return l.comparisonClaim(r, e)
	}
	return claim{}
}

// eitherClaim reads x == "a" || x == "b".
func (l *linter) eitherClaim(r *config.Rule, e *hclsyntax.BinaryOpExpr) claim {
	a, b := l.claim(r, e.LHS), l.claim(r, e.RHS)
	if a.path == "" || a.path != b.path || len(a.values) == 0 || len(b.values) == 0 || a.not || b.not {
		return claim{}
	}
	a.values = slices.Concat(a.values, b.values)
	return a
}

var mirrored = map[*hclsyntax.Operation]*hclsyntax.Operation{
	hclsyntax.OpLessThan: hclsyntax.OpGreaterThan, hclsyntax.OpLessThanOrEqual: hclsyntax.OpGreaterThanOrEqual,
	hclsyntax.OpGreaterThan: hclsyntax.OpLessThan, hclsyntax.OpGreaterThanOrEqual: hclsyntax.OpLessThanOrEqual,
	hclsyntax.OpEqual: hclsyntax.OpEqual, hclsyntax.OpNotEqual: hclsyntax.OpNotEqual,
}

func (l *linter) comparisonClaim(r *config.Rule, e *hclsyntax.BinaryOpExpr) claim {
	a, b, op := e.LHS, e.RHS, e.Op
	if eventPath(a) == "" {
		a, b, op = b, a, mirrored[op]
	}
	c := claim{path: eventPath(a)}
	bound := l.known(r, b)
	if c.path == "" || bound == nil || op == nil {
		return claim{}
	}
	switch op {
	case hclsyntax.OpEqual, hclsyntax.OpNotEqual:
		c.values, c.not = []value{*bound}, op == hclsyntax.OpNotEqual
		return c
	}
	limit, ok := bound.toNumber()
	if !ok {
		return claim{}
	}
	c.inclusive = op == hclsyntax.OpLessThanOrEqual || op == hclsyntax.OpGreaterThanOrEqual
	switch op {
	case hclsyntax.OpLessThan, hclsyntax.OpLessThanOrEqual:
		c.below = &limit
	case hclsyntax.OpGreaterThan, hclsyntax.OpGreaterThanOrEqual:
		c.above = &limit
	}
	return c
}

// callClaim reads contains([...], x), startswith(x, "a") and endswith(x, "a").
func (l *linter) callClaim(r *config.Rule, e *hclsyntax.FunctionCallExpr) claim {
	if len(e.Args) != 2 {
		return claim{}
	}
	if e.Name == "contains" {
		items := l.known(r, e.Args[0])
		if items == nil || items.kind != list {
			return claim{}
		}
		return claim{path: eventPath(e.Args[1]), values: items.items()}
	}
	affix := l.known(r, e.Args[1])
	if affix == nil || affix.kind != text {
		return claim{}
	}
	switch e.Name {
	case "startswith":
		return claim{path: eventPath(e.Args[0]), prefix: affix.str}
	case "endswith":
		return claim{path: eventPath(e.Args[0]), suffix: affix.str}
	}
	return claim{}
}

// known is the value of an expression that is known at load, or nil.
func (l *linter) known(r *config.Rule, e hclsyntax.Expression) *value {
	if x := l.compile(r, r.On, e); x != nil {
		return x.constant
	}
	return nil
}
