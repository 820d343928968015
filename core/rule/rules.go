package rule

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/pointsman/pointsman/core/config"
)

// Compile compiles all rules of a configuration and reports everything that is wrong with their expressions. The Set holds the
// rules without errors.
func Compile(c *config.Config) (*Set, hcl.Diagnostics) {
	b := &builder{config: c, events: map[string]*eventType{}, repeats: c.Repeats(), set: &Set{config: c, sources: map[string]*sourceRules{}}}
	for i, r := range c.Rules {
		b.rule(i, r)
	}
	for _, rules := range b.set.sources {
		rules.index = newIndex(rules.all, rules.event.slots)
	}
	return b.set, b.diags
}

type builder struct {
	config *config.Config
	events map[string]*eventType
	set    *Set
	diags  hcl.Diagnostics
	// repeats is for the rules that for_each makes of one block.
	repeats *config.Repeats
}

// rule compiles one rule for each kind of data that its sources give: the same expression may read different messages.
func (b *builder) rule(order int, r *config.Rule) {
	programs := map[string]*program{}
	var found []hcl.Diagnostics
	for _, source := range r.On {
		if _, ok := programs[source.Data]; ok {
			continue
		}
		p, diags := b.program(r, source.Data)
		p.order = order
		programs[source.Data] = p
		found = append(found, diags)
	}
	diags := merge(found)
	b.diags = append(b.diags, b.repeats.Filter(r, diags)...)
	if diags.HasErrors() || r.When == nil || len(r.On) == 0 {
		return
	}
	b.set.valid = append(b.set.valid, r)
	if !r.Enabled {
		return
	}
	for _, source := range r.On {
		rules := b.set.sources[source.Name]
		if rules == nil {
			rules = &sourceRules{event: b.event(source.Data)}
			b.set.sources[source.Name] = rules
		}
		rules.all = append(rules.all, programs[source.Data]) // config.Rule.On has each source once
		rules.fallback = rules.fallback || r.Fallback
	}
}

func (b *builder) event(kind string) *eventType {
	if b.events[kind] == nil {
		b.events[kind] = newEventType(kind)
	}
	return b.events[kind]
}

func (b *builder) program(r *config.Rule, kind string) (*program, hcl.Diagnostics) {
	c := &compiler{event: b.event(kind).root, scope: r.Scope, source: b.config.Text}
	p := &program{rule: r.Name, kind: kind, block: r, shadow: r.Shadow, fallback: r.Fallback, sample: r.Sample}
	if r.When != nil {
		when := c.compile(r.When.(hclsyntax.Expression))
		if p.when = c.asBool(when, `"when"`); p.when != nil {
			p.whenAt, p.guards = when.at, when.guards
		}
	}
	for _, d := range r.Dispatches {
		p.dispatches = append(p.dispatches, c.dispatch(d))
	}
	return p, c.diags
}

func (c *compiler) dispatch(d *config.Dispatch) *dispatch {
	body := block{d.Arguments, d.Blocks}
	schema := d.Plugin.Description.GetArguments()
	if d.Plugin.Description == nil {
		schema = freeSchema(body)
	}
	out := &dispatch{
		plugin:    d.Plugin.Name,
		at:        &position{rng: d.DeclRange, source: func(hcl.Range) string { return "dispatch" }},
		policy:    &d.Policy,
		sensitive: strings.Join(sensitive(schema, ""), " "),
		arguments: c.objectOf(schema, body),
	}
	if d.OrderBy != nil {
		out.orderKey = c.asText(c.compile(d.OrderBy.(hclsyntax.Expression)), `"order_by"`)
	}
	return out
}

// merge joins the diagnostics of all kinds of sources: an error that several kinds share is reported once.
func merge(found []hcl.Diagnostics) hcl.Diagnostics {
	var all hcl.Diagnostics
	for _, diags := range found {
		for _, d := range diags {
			i := slices.IndexFunc(all, func(o *hcl.Diagnostic) bool { return *o.Subject == *d.Subject && o.Summary == d.Summary })
			switch {
			case i < 0:
				all = append(all, d)
			case !strings.Contains(all[i].Detail, d.Detail):
				all[i].Detail += "\n" + d.Detail
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *hcl.Diagnostic) int { return cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte) })
	return all
}
