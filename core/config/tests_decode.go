package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const maxCount = 1e6

// defaultReceived is when an event is received that has no time.
var defaultReceived = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Resolve decodes the events and expectations of a test for a configuration. Diagnostics are those of ReadTests.
func (t *Test) Resolve(c *Config, d *Diagnostics) {
	l := newTestLoader(c, d)
	l.testFunctions(t.DeclRange.Filename)
	how := decoding{what: fmt.Sprintf("Test %q", t.Name), own: true, secrets: true, rng: t.DeclRange}
	l.reportUnknown(t.block.Body)
	outer := how
	outer.skip = []string{"variables", "event", "expect"}
	o, _ := l.object(t.block.Body, testSchema, outer)
	if f, ok := o.fields["expect_deliveries"]; ok {
		t.Deliveries, t.DeliveriesRange = int(l.whole(o, "expect_deliveries", 0, maxCount)), f.rng
	}
	events, _ := l.blocksNamed(t.block.Body, testSchema.GetBlocks()[0], how)
	if len(events) > maxTestEvents {
		l.error(events[maxTestEvents].DefRange(), "Too many events", fmt.Sprintf("A test may have at most %d events.", maxTestEvents))
		events = nil
	}
	for _, b := range events {
		t.Events = append(t.Events, l.testEvent(b))
	}
	expects, _ := l.blocksNamed(t.block.Body, testSchema.GetBlocks()[1], how)
	for _, b := range expects {
		t.Expects = append(t.Expects, l.testExpect(b))
	}
	if _, written := t.block.Body.Attributes["expect_deliveries"]; len(expects) == 0 && !written {
		l.error(t.DeclRange, "Test without an expectation", fmt.Sprintf("Test %q would pass whatever the rules do. Write expect { ... }, or expect_deliveries = 0 if nothing may be delivered.", t.Name))
	}
}

// reportUnknown reports variables and locals without a value. They are unknown where the configuration is only checked.
func (l *loader) reportUnknown(body *hclsyntax.Body) {
	for _, attr := range sortedAttributes(body) {
		for _, ref := range attr.Expr.Variables() {
			name, _ := memberName(ref)
			values := map[string]map[string]cty.Value{"var": l.vars, "local": l.locals}[ref.RootName()]
			if v, ok := values[name]; ok && !v.IsWhollyKnown() {
				l.error(ref.SourceRange(), "Value is not known", fmt.Sprintf("%s.%s has no value in a test. Give it one: variables = { ... }.", ref.RootName(), name))
			}
		}
	}
	for _, b := range body.Blocks {
		l.reportUnknown(b.Body)
	}
}

func (l *loader) testEvent(b *hclsyntax.Block) *TestEvent {
	e := &TestEvent{DeclRange: b.DefRange(), BodyRange: b.DefRange()}
	how := decoding{what: `The block "event"`, own: true, secrets: true, rng: b.DefRange(), skip: []string{"body", "recorded", "data"}}
	o, _ := l.object(b.Body, testEventSchema, how)
	l.refuseSecrets(o)
	e.ID, e.Type, e.Subject = o.text("id"), o.text("type"), o.text("subject")
	e.Headers, e.Attributes = o.textMap("headers"), o.textMap("attributes")
	e.Time, e.Received = l.testTime(o, "time"), l.testTime(o, "received")
	if e.Received.IsZero() {
		e.Received = e.Time
	}
	if e.Received.IsZero() {
		e.Received = defaultReceived
	}
	if o.has("room", "user", "event_type") {
		e.Client = &TestClient{Event: o.text("event_type"), Room: o.text("room"), User: o.text("user")}
	}
	l.content(e, b, o)
	if attr := b.Body.Attributes["source"]; attr != nil {
		e.Source = l.testSource(o, attr)
	} else if b.Body.Attributes["recorded"] == nil {
		l.error(e.DeclRange, "Missing attribute", `The block "event" needs "source", the name of the source that the event comes from.`)
	}
	return e
}

// content decodes an event's content, which is written in one of three forms.
func (l *loader) content(e *TestEvent, b *hclsyntax.Block, o *object) {
	attributes := b.Body.Attributes
	body, recorded, data := attributes["body"], attributes["recorded"], attributes["data"]
	byFields := []string{"type", "subject", "time", "attributes", "data"}
	switch {
	case recorded != nil:
		l.onlyWith(b, "recorded", append(byFields, "body", "headers", "room", "user", "event_type")...)
		e.BodyRange = recorded.Expr.Range()
		e.Recorded = l.testBytes(recorded)
	case body != nil || e.Client != nil || o.has("headers"):
		l.onlyWith(b, "body", append(byFields, "id")...)
		e.Body = []byte{}
		if body != nil {
			e.BodyRange = body.Expr.Range()
			e.Body = l.testBytes(body)
		}
	case attributes["type"] == nil && (data != nil || o.has(byFields...)):
		l.error(e.DeclRange, "Missing attribute", `An event that is written as fields needs "type", such as "s3.object.created".`)
	case attributes["type"] == nil:
		l.error(e.DeclRange, "Event without content", `Write body = file("..."), or type = "..." and data = { ... }, or recorded = file("...").`)
	}
	if data != nil {
		if v, ok := l.testObject(data); ok {
			e.Data, e.data = l.testJSON(data, v), data.Expr
		}
	}
}

// onlyWith reports attributes that say what another one says already.
func (l *loader) onlyWith(b *hclsyntax.Block, form string, others ...string) {
	for _, attr := range sortedAttributes(b.Body) {
		if slices.Contains(others, attr.Name) {
			l.error(attr.NameRange, "Event written twice", fmt.Sprintf("The event is given by %q, which says what %q would say. Remove one of them.", form, attr.Name))
		}
	}
}

func (l *loader) testSource(o *object, attr *hclsyntax.Attribute) *Source {
	name := o.text("source")
	var names []string
	for _, s := range l.cfg.Sources {
		if s.Name == name {
			return s
		}
		names = append(names, s.Name)
	}
	if _, ok := o.fields["source"]; ok {
		l.error(attr.Expr.Range(), "Unknown source", fmt.Sprintf("There is no source %q.%s", name, didYouMean(name, names, "sources")))
	}
	return nil
}

func (l *loader) testExpect(b *hclsyntax.Block) *TestExpect {
	x := &TestExpect{DeclRange: b.DefRange(), Count: -1}
	how := decoding{what: `The block "expect"`, own: true, secrets: true, rng: b.DefRange(), skip: []string{"arguments"}}
	o, _ := l.object(b.Body, testExpectSchema, how)
	l.refuseSecrets(o)
	x.Rule, x.Plugin, x.Error = o.text("rule"), o.text("plugin"), o.text("error")
	if shadow := o.boolean("shadow"); shadow != nil {
		x.Shadow = *shadow
	}
	if _, ok := o.fields["order_key"]; ok {
		x.OrderKey = new(o.text("order_key"))
	}
	if _, ok := o.fields["count"]; ok {
		x.Count = int(l.whole(o, "count", 0, maxCount))
	}
	if len(b.Body.Attributes) == 0 {
		l.error(b.DefRange(), "Empty expectation", `It says nothing about a delivery. Write rule = "..." or plugin = "...".`)
	}
	attr := b.Body.Attributes["arguments"]
	if attr != nil && b.Body.Attributes["error"] != nil {
		l.error(attr.NameRange, "Expectation contradicts itself", "A rule that fails delivers no arguments.")
	}
	if attr != nil {
		x.Arguments, _ = l.testObject(attr)
	}
	l.expectedNames(x, b)
	return x
}

// expectedNames checks the names in an expectation against the configuration.
func (l *loader) expectedNames(x *TestExpect, b *hclsyntax.Block) {
	at := func(name string) hcl.Range { return b.Body.Attributes[name].Expr.Range() }
	var rules []string
	var to []*Plugin
	for _, r := range l.cfg.Rules {
		rules = append(rules, r.Name)
		for _, d := range r.Dispatches {
			if (x.Rule == "" || x.Rule == r.Name) && !slices.Contains(to, d.Plugin) {
				to = append(to, d.Plugin)
			}
		}
	}
	if x.Rule != "" && !slices.Contains(rules, x.Rule) {
		l.error(at("rule"), "Unknown rule", fmt.Sprintf("There is no rule %q.%s", x.Rule, didYouMean(x.Rule, rules, "rules")))
		return
	}
	var plugins []string
	for _, p := range l.cfg.Plugins {
		plugins = append(plugins, p.Name)
	}
	reached := slices.IndexFunc(to, func(p *Plugin) bool { return p.Name == x.Plugin })
	switch {
	case x.Plugin != "" && !slices.Contains(plugins, x.Plugin):
		l.error(at("plugin"), "Unknown plugin", fmt.Sprintf("There is no plugin %q.%s", x.Plugin, didYouMean(x.Plugin, plugins, "plugins")))
		return
	case x.Plugin != "" && reached < 0 && x.Rule != "":
		l.error(at("plugin"), "No such dispatch", fmt.Sprintf("Rule %q has no dispatch block for plugin %q.", x.Rule, x.Plugin))
		return
	case reached >= 0:
		to = to[reached : reached+1]
	}
	l.expectedArguments(x, b, to)
}

// expectedArguments checks the names of arguments if all plugins that can get them are described.
func (l *loader) expectedArguments(x *TestExpect, b *hclsyntax.Block, to []*Plugin) {
	if x.Arguments == cty.NilVal || len(to) == 0 {
		return
	}
	var known []string
	for _, p := range to {
		if p.Description == nil {
			return
		}
		known = append(known, namesOf(p.Description.GetArguments())...)
	}
	for name := range x.Arguments.AsValueMap() {
		if !slices.Contains(known, name) {
			l.error(b.Body.Attributes["arguments"].Expr.Range(), "Unknown argument", fmt.Sprintf("Plugin %q has no argument %q.%s", to[0].Name, name, didYouMean(name, known, "arguments")))
		}
	}
}
