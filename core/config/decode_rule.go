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
	known := named{sources: map[string]*Source{}, plugins: map[string]*Plugin{}}
	for _, s := range l.cfg.Sources {
		known.sources[s.Name] = s
	}
	for _, p := range l.cfg.Plugins {
		known.plugins[p.Name] = p
	}
	if len(blocks) > maxRules {
		l.tooManyRules(blocks[maxRules].DefRange(), len(blocks))
		return
	}
	for _, b := range blocks {
		if len(l.cfg.Rules) == maxRules {
			l.tooManyRules(b.DefRange(), maxRules+1)
			return
		}
		name, ok := l.name(b)
		if ok && l.unique(b, name, seen) {
			l.cfg.Rules = append(l.cfg.Rules, l.rulesOf(b, known)...)
		}
	}
}

func (l *loader) tooManyRules(rng hcl.Range, n int) {
	l.error(rng, "Too many rules", fmt.Sprintf("A configuration may have at most %d rules, for_each counted with its items. With this block it has %d.", maxRules, n))
}

// named are the parts that a rule refers to by name.
type named struct {
	sources map[string]*Source
	plugins map[string]*Plugin
}

// rule reads a rule block, with for_each for one item of it.
func (l *loader) rule(b *hclsyntax.Block, it *item, known named) *Rule {
	l.each = it
	defer func() { l.each = nil }()
	r := &Rule{Name: b.Labels[0], Block: b.Labels[0], DeclRange: b.DefRange(), Range: b.Range()}
	l.instance(r, it)
	o, _ := l.object(b.Body, ruleSchema, decoding{
		what: fmt.Sprintf("Rule %q", r.Block), own: true, rng: b.DefRange(), skip: []string{"for_each", "on", "when", "dispatch"},
	})
	r.Description = o.text("description")
	r.Enabled, r.Fallback = o.isTrue("enabled"), o.isTrue("fallback")
	r.Shadow = o.text("mode") == "shadow"
	r.Sample = l.sample(o)
	r.On = l.on(b, known.sources)
	r.When = l.when(b)
	index := 0
	for _, inner := range b.Body.Blocks {
		if inner.Type != "dispatch" {
			continue
		}
		if d := l.dispatch(inner, known.plugins); d != nil {
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

// sample is the share of events that a rule takes.
func (l *loader) sample(o *object) float64 {
	f, ok := o.fields["sample"]
	if !ok {
		return 1
	}
	share, _ := f.value.AsBigFloat().Float64()
	switch {
	case share > 0 && share <= 1:
		return share
	case share > 1 && share <= 100:
		l.error(f.rng, "Invalid value", fmt.Sprintf(`"sample" is a share of 1 and must be at most 1. For %g %% write %g.`, share, share/100))
	default:
		l.error(f.rng, "Invalid value", `"sample" must be more than 0 and at most 1. For a rule that is not used write enabled = false.`)
	}
	return 1
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
			l.error(call.NameRange, "Function not allowed here", fmt.Sprintf("%s() returns a secret, and the results of a rule are stored and logged. Use a variable without env() or file() in its default: it can be set by POINTSMAN_VAR_<name> or --var.", call.Name))
			ok = false
		}
	}
	for _, t := range expr.Variables() {
		name, named := memberName(t)
		if root := t.RootName(); root == "each" {
			ok = l.eachReference(t) && ok
		} else if !named && (root == "var" || root == "local") {
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
