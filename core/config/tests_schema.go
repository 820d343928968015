package config

import (
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

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
