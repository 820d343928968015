package app

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/pointsman/pointsman/core/config"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// recordedEnvelope is the envelope of an event that the admin API has returned, as one of a source.
func recordedEnvelope(recorded *adminv1.GetEventResponse, s *config.Source) (*pointsmanv1.Envelope, error) {
	e, c := recorded.GetEvent(), recorded.GetContent()
	env := &pointsmanv1.Envelope{
		Id: e.GetId(), Source: s.Name, Kind: s.Kind, Type: e.GetType(), Subject: e.GetSubject(), ReceivedUnixNano: e.GetReceived().AsTime().UnixNano(),
		ContentType: c.GetContentType(), Body: c.GetBody(), VerifiedBy: c.GetVerifiedBy(), HopCount: uint32(max(0, c.GetHopCount())), TraceParent: c.GetTraceParent(),
	}
	if t := c.GetTime(); t != nil {
		env.TimeUnixNano = t.AsTime().UnixNano()
	}
	for _, a := range c.GetAttributes() {
		env.Attributes = append(env.Attributes, &pointsmanv1.Attribute{Name: a.GetName(), Value: a.GetValue()})
	}
	m := env.ProtoReflect()
	oneof := m.Descriptor().Oneofs().ByName("data").Fields()
	field := oneof.ByName(protoreflect.Name(s.Data))
	if field == nil {
		field = oneof.ByName("json")
	}
	data := m.NewField(field)
	if err := fromRuleJSON(data.Message(), []byte(c.GetDataJson())); err != nil {
		return nil, fmt.Errorf("the event's data do not fit source %q: %s", s.Name, plain(err))
	}
	m.Set(field, data)
	return env, nil
}

// fromRuleJSON fills a message from data_json of the admin API, where a Json message is the JSON itself.
func fromRuleJSON(m protoreflect.Message, text []byte) error {
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	if free, ok := m.Interface().(*pointsmanv1.Json); ok {
		free.Text = text
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	fields := m.Descriptor().Fields()
	for name, member := range members {
		f := fields.ByName(protoreflect.Name(name))
		if f == nil || f.Message() == nil || f.IsList() || string(member) == "null" {
			continue
		}
		inner := m.NewField(f)
		if err := fromRuleJSON(inner.Message(), member); err != nil {
			return err
		}
		form, err := protojson.Marshal(inner.Message().Interface())
		if err != nil {
			return err
		}
		members[name] = form
	}
	form, err := json.Marshal(members)
	if err != nil {
		return err
	}
	return protojson.Unmarshal(form, m.Interface())
}
