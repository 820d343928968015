package rule

import (
	"reflect"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
	"google.golang.org/protobuf/reflect/protoreflect"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// eventType is the type of `event` for one kind of source.
type eventType struct {
	root *expr
	// data is the Go type of the kind's message.
	data reflect.Type
	// documents are the Json fields of the message.
	documents []documentField
	// slots is the number of paths into the documents.
	slots int
}

// documentField is a field that holds a JSON document.
type documentField struct {
	root *jsonPath
	text func(*frame) []byte // empty: the event has no such document
}

// message describes an object whose fields are known at load.
type message struct {
	// path is "event.data"; name is the name in diagnostics: "event.data of s3 events".
	path, name string
	fields     []field
}

type field struct {
	name string
	expr *expr
}

func (m *message) field(name string) *expr {
	for _, f := range m.fields {
		if f.name == name {
			return f.expr
		}
	}
	return nil
}

func (m *message) names() []string {
	var names []string
	for _, f := range m.fields {
		names = append(names, f.name)
	}
	return names
}

// newEventType derives the type of event.data from the envelope's oneof `data`: the field named like the kind, or free JSON
// for a kind that has none.
func newEventType(kind string) *eventType {
	t := &eventType{}
	oneof := (*pointsmanv1.Envelope)(nil).ProtoReflect().Descriptor().Oneofs().ByName("data")
	data := oneof.Fields().ByName(protoreflect.Name(kind))
	if data == nil {
		data = oneof.Fields().ByName("json")
	}
	desc := data.Message()
	t.data = goType(desc).Elem()
	var dataExpr *expr
	if desc.FullName() == jsonName {
		dataExpr = t.json(nil)
	} else {
		dataExpr = messageExpr(t.fields(&message{path: "event.data", name: "event.data of " + kind + " events"}, desc, nil))
	}
	t.root = messageExpr(&message{path: "event", name: "event", fields: append(envelopeFields(), field{"data", dataExpr})})
	nameOperands(t.root, "")
	return t
}

// message returns the data of env, or the zero Value when env holds none of this kind.
func (t *eventType) message(env *pointsmanv1.Envelope) reflect.Value {
	holder := reflect.ValueOf(env.GetData())
	if !holder.IsValid() || holder.IsNil() {
		return reflect.Value{}
	}
	if m := holder.Elem().Field(0); m.Type().Elem() == t.data && !m.IsNil() {
		return m.Elem()
	}
	return reflect.Value{}
}

// envelopeFields are the fields of `event` that all kinds have.
func envelopeFields() []field {
	type envelope = *pointsmanv1.Envelope
	str := func(get func(envelope) string) *expr {
		return textExpr(nil, func(f *frame) string { return get(f.env) })
	}
	return []field{
		{"id", str(envelope.GetId)},
		{"source", str(envelope.GetSource)},
		{"kind", str(envelope.GetKind)},
		{"type", str(envelope.GetType)},
		{"subject", str(envelope.GetSubject)},
		{"time", valueExpr(nil, cty.String, func(f *frame) value {
			if f.env.GetTimeUnixNano() == 0 {
				return value{}
			}
			return textValue(string(appendTime(nil, f.env.GetTimeUnixNano())))
		})},
		{"received", timeExpr(envelope.GetReceivedUnixNano)},
		{"content_type", str(envelope.GetContentType)},
		{"hop_count", numberExpr(nil, func(f *frame) number { return intNumber(int64(f.env.GetHopCount())) })},
		{"attributes", pairsExpr(func(f *frame) reflect.Value { return reflect.ValueOf(f.env.GetAttributes()) })},
	}
}

func timeExpr(get func(*pointsmanv1.Envelope) int64) *expr {
	e := textExpr(nil, func(f *frame) string { return string(appendTime(nil, get(f.env))) })
	e.write = func(f *frame, buf []byte) []byte { return appendTime(buf, get(f.env)) }
	return e
}

func appendTime(buf []byte, unixNano int64) []byte {
	return time.Unix(0, unixNano).UTC().AppendFormat(buf, time.RFC3339Nano)
}

// messageExpr is a message as a whole; its fields are found at load.
func messageExpr(m *message) *expr {
	types := map[string]cty.Type{}
	for _, f := range m.fields {
		types[f.name] = f.expr.typ
	}
	names := m.names()
	e := valueExpr(nil, cty.Object(types), func(f *frame) value {
		values := make([]value, len(m.fields))
		for i, field := range m.fields {
			values[i] = field.expr.val(f)
		}
		return objectValue(names, values)
	})
	e.fields = m
	return e
}

// nameOperands makes an operand of e, if it is a value that clauses test, and of all values below it.
func nameOperands(e *expr, name string) {
	if e.fields == nil && e.path == nil {
		e.operand = &operand{name: name, val: e.val}
		return
	}
	if e.fields == nil {
		return
	}
	for _, f := range e.fields.fields {
		nameOperands(f.expr, strings.TrimPrefix(name+"."+f.name, "."))
	}
}
