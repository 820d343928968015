package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// decodeRules reads the rule blocks.
func (l *loader) decodeRules(blocks []*hclsyntax.Block) {
	seen := map[string]*hclsyntax.Block{}
	sources, plugins := map[string]*Source{}, map[string]*Plugin{}
	for _, s := range l.cfg.Sources {
		sources[s.Name] = s
	}
	for _, p := range l.cfg.Plugins {
		plugins[p.Name] = p
	}
	for _, b := range blocks {
		name, ok := l.name(b)
		if ok && l.unique(b, name, seen) {
			l.cfg.Rules = append(l.cfg.Rules, l.rule(b, sources, plugins))
		}
	}
}

func (l *loader) rule(b *hclsyntax.Block, sources map[string]*Source, plugins map[string]*Plugin) *Rule {
	r := &Rule{Name: b.Labels[0], DeclRange: b.DefRange(), Range: b.Range()}
	o, _ := l.object(b.Body, ruleSchema, decoding{what: fmt.Sprintf("Rule %q", r.Name), own: true, rng: b.DefRange(), skip: []string{"on", "when", "dispatch"}})
	r.Description = o.text("description")
	r.On = l.on(b, sources)
	r.When = l.when(b)
	index := 0
	for _, inner := range b.Body.Blocks {
		if inner.Type != "dispatch" {
			continue
		}
		if d := l.dispatch(inner, plugins); d != nil {
			d.Index = index
			r.Dispatches = append(r.Dispatches, d)
		}
		index++
	}
	if index == 0 {
		l.error(b.DefRange(), "Missing block", fmt.Sprintf("Rule %q dispatches to no plugin. Write dispatch \"<plugin>\" { ... }.", r.Name))
	}
	return r
}

// on finds the sources that a rule names.
func (l *loader) on(b *hclsyntax.Block, sources map[string]*Source) []*Source {
	const form = `Write on = ["<source>"].`
	attr := b.Body.Attributes["on"]
	if attr == nil {
		l.error(b.DefRange(), "Missing attribute", fmt.Sprintf("Rule %q names no sources. %s", b.Labels[0], form))
		return nil
	}
	items, diags := hcl.ExprList(attr.Expr)
	if diags.HasErrors() {
		return l.onValue(attr, sources)
	}
	var on []*Source
	for _, item := range items {
		expr, ok := item.(hclsyntax.Expression)
		if !ok {
			continue
		}
		if v, ok := l.shown(expr, "on"); ok {
			on = l.addSource(on, v, expr.Range(), sources)
		}
	}
	if len(items) == 0 {
		l.error(attr.Expr.Range(), "Invalid value", "The list is empty, so the rule would never be used. "+form)
	}
	return on
}

// onValue reads a list that is not a literal: on = local.sources.
func (l *loader) onValue(attr *hclsyntax.Attribute, sources map[string]*Source) []*Source {
	v, ok := l.shown(attr.Expr, "on")
	if !ok {
		return nil
	}
	if v.IsNull() || !v.CanIterateElements() || v.Type().IsObjectType() || v.Type().IsMapType() {
		l.error(attr.Expr.Range(), "Invalid value", `"on" is a list of source names. Write on = ["<source>"].`)
		return nil
	}
	var on []*Source
	for _, item := range v.AsValueSlice() {
		on = l.addSource(on, item, attr.Expr.Range(), sources)
	}
	return on
}

func (l *loader) addSource(on []*Source, name cty.Value, rng hcl.Range, sources map[string]*Source) []*Source {
	if name.IsNull() || name.Type() != cty.String {
		l.error(rng, "Invalid value", `"on" is a list of source names, which are strings.`)
		return on
	}
	s, known := sources[name.AsString()]
	if !known && l.broken["source"] {
		return on
	}
	if !known {
		l.error(rng, "Unknown source", fmt.Sprintf("There is no source %q.%s", name.AsString(), didYouMean(name.AsString(), keys(sources), "sources")))
		return on
	}
	if slices.Contains(on, s) {
		l.warn(rng, "Source named twice", fmt.Sprintf("%q is already in this list.", s.Name))
		return on
	}
	return append(on, s)
}

// when returns the condition of the rule, or nil after an error.
func (l *loader) when(b *hclsyntax.Block) hcl.Expression {
	attr := b.Body.Attributes["when"]
	if attr == nil {
		l.error(b.DefRange(), "Missing attribute", fmt.Sprintf("Rule %q has no condition. Write when = true to match every event.", b.Labels[0]))
		return nil
	}
	if !l.perEvent(attr.Expr) {
		return nil
	}
	if lit, ok := attr.Expr.(*hclsyntax.LiteralValueExpr); ok && lit.Val.Equals(cty.False).True() {
		l.warn(attr.Expr.Range(), "Rule never matches", "The condition is false for every event.")
	}
	return attr.Expr
}

// shown evaluates an expression whose value is not a secret.
func (l *loader) shown(expr hclsyntax.Expression, what string) (cty.Value, bool) {
	v, ok := l.value(expr, false)
	if !ok {
		return v, false
	}
	if bare, secret := unmark(v); !secret {
		return bare, true
	}
	l.error(expr.Range(), "Sensitive value would be shown", fmt.Sprintf("%q is written to logs and cannot be a sensitive value.", what))
	return v, false
}

// perEvent checks an expression that is evaluated for each event: its values are stored and shown, so they must not hold
// secrets. rule.Compile checks everything else.
func (l *loader) perEvent(expr hclsyntax.Expression) bool {
	ok := true
	for _, call := range calls(expr) {
		if secretNames[call.Name] {
			l.error(call.NameRange, "Function not allowed here", fmt.Sprintf("%s() returns a secret, and the results of a rule are stored and logged. Use a variable without env() or file() in its default: it can be set by POINTSMAN_VAR_<name> or -var.", call.Name))
			ok = false
		}
	}
	for _, t := range expr.Variables() {
		name, named := memberName(t)
		if root := t.RootName(); !named && (root == "var" || root == "local") {
			// local[event.x] could name any of them, the sensitive ones too.
			l.error(t.SourceRange(), "Incomplete reference", fmt.Sprintf("Write %s.<name>.", root))
			ok = false
		} else if l.sensitiveReference(t) {
			l.error(t.SourceRange(), "Sensitive value in a rule", fmt.Sprintf("%s.%s is sensitive, and the results of a rule are stored and logged. Pass it to the plugin in its settings.", t.RootName(), name))
			ok = false
		}
	}
	return ok
}
