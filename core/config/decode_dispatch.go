package config

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/pointsman/pointsman/core/journal"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// dispatch reads one dispatch block; nil when it names no plugin.
func (l *loader) dispatch(b *hclsyntax.Block, plugins map[string]*Plugin) *Dispatch {
	if !l.labels(b, []string{"plugin"}) {
		return nil
	}
	p, known := plugins[b.Labels[0]]
	if !known && l.broken["plugin"] {
		return nil
	}
	if !known {
		l.error(b.LabelRanges[0], "Unknown plugin", fmt.Sprintf("There is no plugin %q.%s", b.Labels[0], didYouMean(b.Labels[0], keys(plugins), "plugins")))
		return nil
	}
	d := &Dispatch{Plugin: p, DeclRange: b.DefRange()}
	l.delivery(d, b)
	d.Arguments, d.Blocks = l.arguments(b, p)
	return d
}

// delivery decodes the router's own attributes of a dispatch block.
func (l *loader) delivery(d *Dispatch, b *hclsyntax.Block) {
	// All other attributes are arguments of the plugin, which arguments checks.
	own := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, SrcRange: b.Body.SrcRange, EndRange: b.Body.EndRange}
	for _, name := range attributeNames(dispatchSchema) {
		if attr := b.Body.Attributes[name]; attr != nil {
			own.Attributes[name] = attr
		}
	}
	o, _ := l.object(own, dispatchSchema, decoding{own: true, rng: b.DefRange(), skip: []string{"order_by", "retry"}})
	d.Description = o.text("description")
	if attr := b.Body.Attributes["order_by"]; attr != nil && l.perEvent(attr.Expr) {
		d.OrderBy = attr.Expr
	}
	d.Policy = l.retry(b)
	d.Policy.Timeout = d.Plugin.Timeout
	if _, written := o.fields["timeout"]; written {
		d.Policy.Timeout = l.positive(o, "timeout")
	}
}

func (l *loader) retry(b *hclsyntax.Block) journal.Policy {
	how := decoding{what: "A dispatch block", own: true, rng: b.DefRange()}
	blocks, _ := l.blocksNamed(b.Body, &pluginv1.Block{Name: "retry"}, how)
	if len(blocks) == 0 {
		return journal.DefaultPolicy
	}
	body := blocks[0].Body
	how.rng = blocks[0].DefRange()
	how.what = `The block "retry"`
	o, _ := l.object(body, retrySchema, how)
	r := journal.Policy{
		MaxAttempts: int(l.whole(o, "max_attempts", 0, 1e6)),
		MaxAge:      l.positive(o, "max_age"),
		MinBackoff:  l.positive(o, "min_backoff"),
		MaxBackoff:  l.positive(o, "max_backoff"),
	}
	l.checkBackoff(o, &r)
	return r
}

// checkBackoff orders the bounds: one that is written moves the other's default.
func (l *loader) checkBackoff(o *object, r *journal.Policy) {
	lowest, highest := o.fields["min_backoff"], o.fields["max_backoff"]
	if r.MinBackoff <= r.MaxBackoff || r.MaxBackoff <= 0 {
		return
	}
	switch {
	case lowest.written && highest.written:
		l.error(lowest.rng, "Invalid value", fmt.Sprintf(`"min_backoff" (%s) is more than "max_backoff" (%s).`, short(r.MinBackoff), short(r.MaxBackoff)))
	case lowest.written:
		r.MaxBackoff = r.MinBackoff
	default:
		r.MinBackoff = r.MaxBackoff
	}
}

// arguments are the plugin's attributes and blocks, without those that have an error.
func (l *loader) arguments(b *hclsyntax.Block, p *Plugin) (hcl.Attributes, []*ArgumentBlock) {
	how := decoding{what: fmt.Sprintf("Plugin %q", p.Name), rng: b.DefRange(), own: true, also: dispatchSchema}
	if p.Description == nil {
		return l.unchecked(b.Body, namesOf(dispatchSchema))
	}
	return l.checked(b.Body, p.Description.GetArguments(), how)
}

// checked matches a body with a schema, by names only.
func (l *loader) checked(body *hclsyntax.Body, s *pluginv1.Schema, how decoding) (hcl.Attributes, []*ArgumentBlock) {
	l.known(body, s, how)
	attrs := hcl.Attributes{}
	for _, a := range s.GetAttributes() {
		attr := body.Attributes[a.GetName()]
		switch {
		case attr == nil && a.GetRequired() && misspelt(body, a.GetName(), s, how):
			// Reported as an unknown attribute.
		case attr == nil:
			l.absent(a, how)
		case l.perEvent(attr.Expr) && l.constant(attr, a, how):
			attrs[attr.Name] = attr.AsHCLAttribute()
		}
	}
	var blocks []*ArgumentBlock
	for _, spec := range s.GetBlocks() {
		found, _ := l.blocksNamed(body, spec, how)
		for _, block := range found {
			inner := decoding{what: fmt.Sprintf("The block %q", spec.GetName()), rng: block.DefRange(), own: true}
			a, b := l.checked(block.Body, spec.GetSchema(), inner)
			blocks = append(blocks, &ArgumentBlock{Name: block.Type, Arguments: a, Blocks: b, DeclRange: block.DefRange()})
		}
	}
	slices.SortStableFunc(blocks, func(a, b *ArgumentBlock) int { return a.DeclRange.Start.Byte - b.DeclRange.Start.Byte })
	return attrs, blocks
}

// unchecked takes a body as it is, for a plugin that could not be described.
func (l *loader) unchecked(body *hclsyntax.Body, skip []string) (hcl.Attributes, []*ArgumentBlock) {
	attrs := hcl.Attributes{}
	for _, attr := range sortedAttributes(body) {
		if !slices.Contains(skip, attr.Name) && l.perEvent(attr.Expr) {
			attrs[attr.Name] = attr.AsHCLAttribute()
		}
	}
	var blocks []*ArgumentBlock
	for _, block := range body.Blocks {
		if !slices.Contains(skip, block.Type) {
			a, b := l.unchecked(block.Body, nil)
			blocks = append(blocks, &ArgumentBlock{Name: block.Type, Arguments: a, Blocks: b, DeclRange: block.DefRange()})
		}
	}
	return attrs, blocks
}

// constant checks an argument that is a literal. rule.Compile checks arguments that depend on the event.
func (l *loader) constant(attr *hclsyntax.Attribute, a *pluginv1.Attribute, how decoding) bool {
	if _, literal := attr.Expr.(*hclsyntax.LiteralValueExpr); !literal && !isLiteralText(attr.Expr) {
		return true
	}
	f, ok := l.field(attr, a, how)
	if ok && f.value.IsNull() {
		_, ok = l.absent(a, how)
	}
	return ok
}

// isLiteralText reports whether an expression is a quoted string without ${}.
func isLiteralText(expr hclsyntax.Expression) bool {
	t, ok := expr.(*hclsyntax.TemplateExpr)
	return ok && t.IsStringLiteral()
}

// short is a duration as people write it: 5m and not 5m0s.
func short(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if n := len(s) - len(zero); n > 0 && s[n:] == zero {
			s = s[:n+1]
		}
	}
	return s
}

func keys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
