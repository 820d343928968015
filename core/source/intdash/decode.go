package intdash

import (
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// Reasons why an authentic body is quarantined, besides those of source.ReadObject.
const (
	missingField = "missing_field"
	wrongType    = "wrong_type"
)

var quarantineReasons = append(source.JSONReasons(), missingField, wrongType)

// Decode returns the event of one body. It is pure. The caller sets the envelope's source, kind, received time, content type
// and body. window is the dedupe window, 0 for the journal's default.
//
// Only resource_type and action are required, because the 2023 preview sent nothing else. The error is *source.Undecodable.
func Decode(body []byte, window time.Duration) (source.Event, error) {
	var few [16]source.Member
	members, err := source.ReadObject(string(body), few[:0])
	if err != nil {
		return source.Event{}, err
	}
	data := &pointsmanv1.IntdashEvent{}
	attributes, err := fill(data, members)
	if err != nil {
		return source.Event{}, err
	}
	if data.ResourceType == "" {
		return source.Event{}, &source.Undecodable{Reason: missingField, Detail: "no resource_type"}
	}
	if data.OriginalAction == "" {
		return source.Event{}, &source.Undecodable{Reason: missingField, Detail: "no action"}
	}
	data.Action = action(data)
	data.ResourceUuid = resourceUUID(data.ResourceType, attributes)
	id, keys := identify(data, body, window)
	return source.Event{
		Envelope: &pointsmanv1.Envelope{
			Id:           id,
			Type:         "intdash." + token(data.ResourceType) + "." + token(data.Action),
			Subject:      source.BoundedID(data.ResourceUuid),
			TimeUnixNano: source.UnixNano(data.OccurredAt),
			Attributes:   attributes,
			Data:         &pointsmanv1.Envelope_Intdash{Intdash: data},
		},
		Keys: keys,
	}, nil
}

// field returns the destination of the member of that name, nil if it has none.
func field(data *pointsmanv1.IntdashEvent, name string) *string {
	switch name {
	case "resource_type":
		return &data.ResourceType
	case "action":
		return &data.OriginalAction
	case "measurement_uuid":
		return &data.MeasurementUuid
	case "project_uuid":
		return &data.ProjectUuid
	case "delivery_uuid":
		return &data.DeliveryUuid
	case "hook_uuid":
		return &data.HookUuid
	case "occurred_at":
		return &data.OccurredAt
	}
	return nil
}

// fill sets the fields of data, collects the members without one in Extra, and returns all scalars as attributes.
func fill(data *pointsmanv1.IntdashEvent, members []source.Member) ([]*pointsmanv1.Attribute, error) {
	attributes := make([]*pointsmanv1.Attribute, 0, len(members))
	storage := make([]pointsmanv1.Attribute, len(members)) // one allocation for all
	var extra []byte
	for i := range members {
		m := &members[i]
		value, scalar := m.Scalar()
		if to := field(data, m.Name); to == nil {
			extra = appendMember(extra, m)
		} else if m.Kind == source.JSONString {
			*to = value
		} else if m.Kind != source.JSONNull {
			return nil, &source.Undecodable{Reason: wrongType, Detail: m.Name + " is not a string"}
		}
		if scalar {
			storage[i].Name, storage[i].Value = m.Name, value
			attributes = append(attributes, &storage[i])
		}
	}
	if extra != nil {
		data.Extra = &pointsmanv1.Json{Text: append(extra, '}')}
	}
	return attributes, nil
}

// appendMember appends a member to an object that is not closed yet.
func appendMember(object []byte, m *source.Member) []byte {
	if object == nil {
		object = append(object, '{')
	} else {
		object = append(object, ',')
	}
	object = append(object, m.RawName...)
	object = append(object, ':')
	return append(object, m.Raw...)
}

// action normalizes the end of a measurement, which the 2023 preview called "finished".
func action(data *pointsmanv1.IntdashEvent) string {
	if data.ResourceType == "measurement" && data.OriginalAction == "finished" {
		return "completed"
	}
	return data.OriginalAction
}

// resourceUUID returns the member named after the resource type, else the first UUID that is not about the delivery.
func resourceUUID(resourceType string, attributes []*pointsmanv1.Attribute) string {
	other := ""
	for _, a := range attributes {
		kind, isUUID := strings.CutSuffix(a.Name, "_uuid")
		if !isUUID || a.Value == "" {
			continue
		}
		if kind == resourceType {
			return a.Value
		}
		if other == "" && kind != "delivery" && kind != "hook" && kind != "project" {
			other = a.Value
		}
	}
	return other
}
