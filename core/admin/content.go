package admin

import (
	"encoding/json"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// contentOf decodes what the sender sent. The content of a sensitive event is withheld.
func contentOf(envelope []byte) (*adminv1.EventContent, error) {
	var e pointsmanv1.Envelope
	if err := proto.Unmarshal(envelope, &e); err != nil {
		return nil, err
	}
	c := &adminv1.EventContent{
		Kind: e.GetKind(), ContentType: e.GetContentType(), VerifiedBy: e.GetVerifiedBy(), Sensitive: e.GetSensitive(),
		HopCount: int32(e.GetHopCount()), TraceParent: e.GetTraceParent(),
	}
	if t := e.GetTimeUnixNano(); t != 0 {
		c.Time = stamp(time.Unix(0, t))
	}
	if c.Sensitive {
		return c, nil
	}
	c.Body, c.DataJson = e.GetBody(), dataJSON(&e)
	for _, a := range e.GetAttributes() {
		c.Attributes = append(c.Attributes, &adminv1.Attribute{Name: a.GetName(), Value: a.GetValue()})
	}
	return c, nil
}

// dataJSON is what rules read as event.data; empty for an event that could not be decoded.
func dataJSON(e *pointsmanv1.Envelope) string {
	m := e.ProtoReflect()
	field := m.WhichOneof(m.Descriptor().Oneofs().ByName("data"))
	if field == nil {
		return ""
	}
	return string(appendMessage(nil, m.Get(field).Message()))
}

// appendMessage writes a message the way rules see it, which protojson does not: a Json message is the value in its text, numbers of
// 64 bits are numbers, and every field is there.
func appendMessage(buf []byte, m protoreflect.Message) []byte {
	if document, ok := m.Interface().(*pointsmanv1.Json); ok {
		if !json.Valid(document.GetText()) {
			return append(buf, "null"...)
		}
		return append(buf, document.GetText()...)
	}
	buf = append(buf, '{')
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(appendJSON(buf, string(fields.Get(i).Name())), ':')
		buf = appendField(buf, m, fields.Get(i))
	}
	return append(buf, '}')
}

func appendField(buf []byte, m protoreflect.Message, f protoreflect.FieldDescriptor) []byte {
	switch {
	case f.HasPresence() && !m.Has(f):
		return append(buf, "null"...)
	case f.IsList():
		list := m.Get(f).List()
		buf = append(buf, '[')
		for i := range list.Len() {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = appendOne(buf, f, list.Get(i))
		}
		return append(buf, ']')
	}
	return appendOne(buf, f, m.Get(f))
}

func appendOne(buf []byte, f protoreflect.FieldDescriptor, v protoreflect.Value) []byte {
	if f.Message() != nil {
		return appendMessage(buf, v.Message())
	}
	return appendJSON(buf, v.Interface())
}
