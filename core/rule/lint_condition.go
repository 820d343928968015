package rule

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/pointsman/pointsman/core/config"
)

// truth is what a condition is for every event.
type truth uint8

const (
	depends truth = iota
	always
	never
)

func (t truth) not() truth {
	switch t {
	case always:
		return never
	case never:
		return always
	}
	return depends
}

// judge returns what a condition is for every event of the rule's sources. A condition over variables and locals depends: people
// switch rules on and off by them.
func (l *linter) judge(r *config.Rule, e hclsyntax.Expression) truth {
	if t, known := l.verdicts[e]; known {
		return t
	}
	t := l.judged(r, e)
	if !uses(e, "each") {
		l.verdicts[e] = t
	}
	return t
}

func (l *linter) judged(r *config.Rule, e hclsyntax.Expression) truth {
	switch e := bare(e).(type) {
	case *hclsyntax.UnaryOpExpr:
		if e.Op == hclsyntax.OpLogicalNot {
			return l.judge(r, e.Val).not()
		}
	case *hclsyntax.BinaryOpExpr:
		switch e.Op {
		case hclsyntax.OpLogicalAnd:
			return all(l.judge(r, e.LHS), l.judge(r, e.RHS))
		case hclsyntax.OpLogicalOr:
			if l.coversAll(r, e) {
				return always
			}
			return all(l.judge(r, e.LHS).not(), l.judge(r, e.RHS).not()).not()
		case hclsyntax.OpEqual:
			return l.equals(r, e)
		case hclsyntax.OpNotEqual:
			return l.equals(r, e).not()
		}
	}
	return l.constant(r, e)
}

// readsEvent recognizes most clauses at once: a comparison or a call with a place of the event.
func readsEvent(e hclsyntax.Expression) bool {
	switch e := e.(type) {
	case *hclsyntax.BinaryOpExpr:
		return isEventPath(e.LHS) || isEventPath(e.RHS)
	case *hclsyntax.FunctionCallExpr:
		return slices.ContainsFunc(e.Args, isEventPath)
	}
	return isEventPath(e)
}

// all is the conjunction of two verdicts.
func all(a, b truth) truth {
	switch {
	case a == never || b == never:
		return never
	case a == always && b == always:
		return always
	}
	return depends
}

// constant judges an expression that names nothing.
func (l *linter) constant(r *config.Rule, e hclsyntax.Expression) truth {
	if readsEvent(e) || len(e.Variables()) > 0 {
		return depends
	}
	x := l.compile(r, r.On, e)
	if x == nil || x.constant == nil || x.constant.kind != boolean {
		return depends
	}
	if x.constant.bool() {
		return always
	}
	return never
}

// equals judges an equality that every event decides in the same way: of a field that is never null with null, and of the source.
func (l *linter) equals(r *config.Rule, e *hclsyntax.BinaryOpExpr) truth {
	a, b := e.LHS, e.RHS
	if !isEventPath(a) {
		a, b = b, a
	}
	switch {
	case !isEventPath(a):
		return l.constant(r, e)
	case isNullLiteral(b) && l.neverNull(r, a):
		return never
	case eventPath(a) == "event.source" && len(b.Variables()) == 0:
		if want := l.known(r, b); want != nil {
			return amongSources(r, want)
		}
	}
	return depends
}

func isNullLiteral(e hclsyntax.Expression) bool {
	lit, ok := e.(*hclsyntax.LiteralValueExpr)
	return ok && lit.Val.IsNull()
}

// neverNull reports whether a field has a value in the events of all sources of a rule.
func (l *linter) neverNull(r *config.Rule, e hclsyntax.Expression) bool {
	return !slices.ContainsFunc(r.On, func(s *config.Source) bool {
		x := l.compile(r, []*config.Source{s}, e)
		return x == nil || x.text == nil && x.number == nil && x.boolean == nil
	})
}

func amongSources(r *config.Rule, want *value) truth {
	found := slices.ContainsFunc(r.On, func(s *config.Source) bool { return equal(textValue(s.Name), *want) })
	switch {
	case !found:
		return never
	case len(r.On) == 1:
		return always
	}
	return depends
}

// coversAll reports x != "a" || x != "b", which is true for every x.
func (l *linter) coversAll(r *config.Rule, e *hclsyntax.BinaryOpExpr) bool {
	if !excludes(e) {
		return false
	}
	excluded := map[string]value{}
	for _, part := range joined(e, hclsyntax.OpLogicalOr) {
		c := l.claim(r, part)
		if c.path == "" || !c.not || len(c.values) != 1 {
			continue
		}
		if before, seen := excluded[c.path]; seen && !equal(before, c.values[0]) {
			return true
		}
		excluded[c.path] = c.values[0]
	}
	return false
}

// excludes reports whether two parts of a disjunction are !=.
func excludes(e hclsyntax.Expression) bool {
	n := 0
	for _, part := range joined(e, hclsyntax.OpLogicalOr) {
		if b, ok := part.(*hclsyntax.BinaryOpExpr); ok && b.Op == hclsyntax.OpNotEqual {
			n++
		}
	}
	return n > 1
}

// compile compiles an expression for the first of some sources; nil if it has an error, which is Compile's to report.
func (l *linter) compile(r *config.Rule, on []*config.Source, e hclsyntax.Expression) *expr {
	kind := on[0].Data
	if l.events[kind] == nil {
		l.events[kind] = newEventType(kind)
	}
	c := &compiler{event: l.events[kind].root, scope: r.Scope, source: l.config.Text}
	x := c.compile(e)
	if c.diags.HasErrors() {
		return nil
	}
	return x
}

// uses reports whether an expression refers to a name.
func uses(e hclsyntax.Expression, root string) bool {
	return slices.ContainsFunc(e.Variables(), func(t hcl.Traversal) bool { return t.RootName() == root })
}

// isEventPath reports whether an expression reads one place of the event and does nothing else.
func isEventPath(e hclsyntax.Expression) bool {
	t, ok := bare(e).(*hclsyntax.ScopeTraversalExpr)
	return ok && t.Traversal.RootName() == "event"
}

// eventPath is the path of such an expression, and empty for any other: event.data["a"].b is event.data.a.b.
func eventPath(e hclsyntax.Expression) string {
	t, ok := bare(e).(*hclsyntax.ScopeTraversalExpr)
	if !ok || t.Traversal.RootName() != "event" {
		return ""
	}
	path := []string{"event"}
	for _, step := range t.Traversal[1:] {
		name, named := stepName(step)
		if index, ok := step.(hcl.TraverseIndex); !named && ok && index.Key.Type() == cty.Number {
			name, named = index.Key.AsBigFloat().String(), true
		}
		if !named {
			return ""
		}
		path = append(path, name)
	}
	return strings.Join(path, ".")
}
