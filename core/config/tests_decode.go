package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// TestEvent is an `event` block of a test. It has a Body, or Recorded, or the fields of the event.
type TestEvent struct {
	// Source is nil only if Recorded names it.
	Source *Source
	// Body is what a sender posts, nil if the event is written in another form. It goes with Headers and, for sources with
	// connections, with Client.
	Body    []byte
	Headers map[string]string
	Client  *TestClient
	// Recorded is an export of recorded events, of which ID selects one.
	Recorded []byte

	ID, Type, Subject string
	// Time is zero if it is not written; Received never is.
	Time, Received time.Time
	Attributes     map[string]string
	// Data is a JSON object, nil if it is not written.
	Data []byte
	// DeclRange is the block's header; BodyRange is that of Body or Recorded.
	DeclRange, BodyRange hcl.Range

	data hclsyntax.Expression
}

// TestClient is the connection that sends a message; Event is empty for a message.
type TestClient struct{ Event, Room, User string }

// DataRange is where a member of Data is written, or else the nearest object around it.
func (e *TestEvent) DataRange(path []string) hcl.Range {
	expr := e.data
	for _, name := range path {
		object, ok := expr.(*hclsyntax.ObjectConsExpr)
		if !ok {
			break
		}
		i := slices.IndexFunc(object.Items, func(item hclsyntax.ObjectConsItem) bool {
			key, diags := item.KeyExpr.Value(nil)
			return !diags.HasErrors() && key.Type() == cty.String && key.IsKnown() && !key.IsNull() && key.AsString() == name
		})
		if i < 0 {
			break
		}
		expr = object.Items[i].ValueExpr
	}
	if expr == nil {
		return e.DeclRange
	}
	return expr.Range()
}

// TestExpect is an `expect` block of a test: what some delivery of its events must be. Empty fields say nothing.
type TestExpect struct {
	Rule, Plugin string
	// Arguments are the members of a JSON object that the delivery must have; nil: any.
	Arguments cty.Value
	OrderKey  *string
	// Error is a part of the error of a rule that fails.
	Error string
	// Shadow selects what a shadow rule would deliver, instead of deliveries.
	Shadow bool
	// Count is how many such deliveries there must be; -1: at least one.
	Count     int
	DeclRange hcl.Range
}

var (
	testFileSchema = withBlocks(schemaOf(
		optional("variables", pluginv1.Type_TYPE_ANY, "Values of variables of the configuration, for all tests of the file."),
	), &pluginv1.Block{Name: "test", Schema: testSchema, Many: true, Doc: "One test."})
	testSchema = withBlocks(schemaOf(
		optional("description", pluginv1.Type_TYPE_STRING, "What the name does not say."),
		optional("variables", pluginv1.Type_TYPE_ANY, "Values of variables of the configuration."),
		optional("expect_deliveries", pluginv1.Type_TYPE_NUMBER, "How many deliveries all events of the test cause. 0: nothing may be delivered."),
	),
		&pluginv1.Block{Name: "event", Schema: testEventSchema, Required: true, Many: true, Doc: "An event for the rules."},
		&pluginv1.Block{Name: "expect", Schema: testExpectSchema, Many: true, Doc: "A delivery that there must be."},
	)
	testEventSchema = schemaOf(
		optional("source", pluginv1.Type_TYPE_STRING, "Name of the source that the event comes from."),
		optional("body", pluginv1.Type_TYPE_STRING, `What its sender posts, such as file("put.json"). The source decodes it, without its signature.`),
		optional("headers", pluginv1.Type_TYPE_STRING_MAP, "Headers that the sender posts with it."),
		optional("room", pluginv1.Type_TYPE_STRING, "Room of the connection, for a source of kind websocket."),
		optional("user", pluginv1.Type_TYPE_STRING, "User of the connection."),
		optional("event_type", pluginv1.Type_TYPE_STRING, "connect, message or disconnect. Default: message."),
		optional("recorded", pluginv1.Type_TYPE_STRING, `Events exported by "pointsman events show --json", such as file("events.json").`),
		optional("id", pluginv1.Type_TYPE_STRING, "Id of the event. With recorded, the one to take."),
		optional("type", pluginv1.Type_TYPE_STRING, "Type of an event that is written as fields."),
		optional("subject", pluginv1.Type_TYPE_STRING, "Its subject."),
		optional("time", pluginv1.Type_TYPE_STRING, "When it happened, in RFC 3339. Default: null."),
		optional("received", pluginv1.Type_TYPE_STRING, "When it was received. Default: when it happened, or 2000-01-01T00:00:00Z."),
		optional("attributes", pluginv1.Type_TYPE_STRING_MAP, "Its attributes."),
		optional("data", pluginv1.Type_TYPE_ANY, "The fields of event.data."),
	)
	testExpectSchema = schemaOf(
		optional("rule", pluginv1.Type_TYPE_STRING, "Name of the rule that makes it."),
		optional("plugin", pluginv1.Type_TYPE_STRING, "Name of the plugin that gets it."),
		optional("arguments", pluginv1.Type_TYPE_ANY, "Arguments that it has. Those not written are not looked at."),
		optional("order_key", pluginv1.Type_TYPE_STRING, "Its value of order_by."),
		optional("error", pluginv1.Type_TYPE_STRING, "A part of the error with which the rule fails."),
		withDefault("shadow", pluginv1.Type_TYPE_BOOL, false, `It is what a rule with mode = "shadow" would deliver.`),
		optional("count", pluginv1.Type_TYPE_NUMBER, "How many there are. 0: none. Default: at least one."),
	)
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

// testObject evaluates an attribute that is an object.
func (l *loader) testObject(attr *hclsyntax.Attribute) (cty.Value, bool) {
	v, ok := l.value(attr.Expr, true)
	if !ok {
		return cty.NilVal, false
	}
	bare, secret := unmark(v)
	switch {
	case secret:
		l.error(attr.Expr.Range(), "Sensitive value in a test", "The value is sensitive, and tests are shown.")
	case bare.IsNull() || !bare.Type().IsObjectType() && !bare.Type().IsMapType():
		l.error(attr.Expr.Range(), "Invalid value", fmt.Sprintf("%q is an object: { name = value }.", attr.Name))
	default:
		return bare, true
	}
	return cty.NilVal, false
}

func (l *loader) testJSON(attr *hclsyntax.Attribute, v cty.Value) []byte {
	b, err := ctyjson.SimpleJSONValue{Value: v}.MarshalJSON()
	if err != nil {
		l.error(attr.Expr.Range(), "Invalid value", fmt.Sprintf("%q cannot be written as JSON: %v.", attr.Name, err))
		return nil
	}
	return b
}

// testBytes is a text, or a file byte by byte if the attribute is only a call of file(). It is nil after an error.
func (l *loader) testBytes(attr *hclsyntax.Attribute) []byte {
	call, ok := attr.Expr.(*hclsyntax.FunctionCallExpr)
	if !ok || len(call.Args) != 1 || call.Name != "file" && call.Name != "file_raw" {
		text, ok := l.testText(attr.Name, attr.Expr)
		if !ok {
			return nil
		}
		return []byte(text)
	}
	path, ok := l.testText(attr.Name, call.Args[0])
	if !ok {
		return nil
	}
	b, err := readTestFile(attr.Expr.Range().Filename, path)
	if missing, ok := errors.AsType[*missingError](err); ok {
		l.error(call.Range(), missing.summary, missing.detail)
		return nil
	}
	if call.Name == "file" {
		b = oneNewlineLess(b)
	}
	return b
}

func (l *loader) testText(name string, expr hclsyntax.Expression) (string, bool) {
	v, ok := l.value(expr, true)
	if !ok {
		return "", false
	}
	bare, secret := unmark(v)
	text, err := convert.Convert(bare, cty.String)
	switch {
	case secret:
		l.error(expr.Range(), "Sensitive value in a test", "The value is sensitive, and tests are shown.")
	case err != nil || text.IsNull():
		l.error(expr.Range(), "Invalid value", fmt.Sprintf("%q must be a string, not %s.", name, describeValue(bare)))
	default:
		return text.AsString(), true
	}
	return "", false
}

// maxTestFileBytes bounds the files that tests read. Bodies of senders have up to 2 MiB, and exports more.
const maxTestFileBytes = 8 << 20

// readTestFile reads a file that a test names; the error is a *missingError.
func readTestFile(from, path string) ([]byte, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(from), path)
	}
	b, err := readLimited(path, maxTestFileBytes+1)
	if err != nil {
		return nil, &missingError{"Cannot read file", fmt.Sprintf("Reading %s: %s.", path, reason(err))}
	}
	if len(b) > maxTestFileBytes {
		return nil, &missingError{"File too large", fmt.Sprintf("%s has more than 8 MiB.", path)}
	}
	return b, nil
}

func testFileFunc(from string, trim func([]byte) []byte) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			b, err := readTestFile(from, args[0].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			v, err := secretValue(string(trim(b)), args[0].AsString()) // for its check of the text
			bare, _ := unmark(v)
			return bare, err
		},
	})
}

// oneNewlineLess removes a line break at the end, as editors add it.
func oneNewlineLess(b []byte) []byte {
	if trimmed, ok := bytes.CutSuffix(b, []byte("\n")); ok {
		return bytes.TrimSuffix(trimmed, []byte("\r"))
	}
	return b
}

// refuseSecrets reports fields whose values must not be shown.
func (l *loader) refuseSecrets(o *object) {
	for _, name := range slices.Sorted(maps.Keys(o.fields)) {
		if f := o.fields[name]; f.secret {
			l.error(f.rng, "Sensitive value in a test", "The value is sensitive, and tests are shown.")
		}
	}
}

// has reports whether any of the attributes is written.
func (o *object) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return o.fields[name].written })
}

func (o *object) textMap(name string) map[string]string {
	f, ok := o.fields[name]
	if !ok {
		return nil
	}
	m := map[string]string{}
	for key, v := range f.value.AsValueMap() {
		m[key] = v.AsString()
	}
	return m
}

// variableText is a value in the form of Options.Variables.
func variableText(v cty.Value) (string, error) {
	if bare, secret := unmark(v); secret || !bare.IsWhollyKnown() || bare.IsNull() {
		return "", errors.New("must be a string, a number, a bool or a list of strings")
	}
	if text, err := convert.Convert(v, cty.String); err == nil {
		return text.AsString(), nil
	}
	list, err := convert.Convert(v, cty.List(cty.String))
	if err != nil || hasNull(list) {
		return "", errors.New("must be a string, a number, a bool or a list of strings")
	}
	items := []string{}
	for _, item := range list.AsValueSlice() {
		items = append(items, item.AsString())
	}
	text, err := json.Marshal(items)
	return string(text), err
}
