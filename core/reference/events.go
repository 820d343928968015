package reference

import (
	_ "embed"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/pointsman/pointsman/core/rule"
)

// Events are the fields of `event`.
type Events struct {
	// Common are the fields that all events have.
	Common []Field `json:"common"`
	// Data describes event.data, by kind of source.
	Data []EventData `json:"data"`
}

// EventData is event.data of one kind. The kind "json" stands for every kind without a message of its own.
type EventData struct {
	Kind   string  `json:"kind"`
	Doc    string  `json:"doc"`
	Fields []Field `json:"fields,omitempty"`
}

// Field is one field of an event.
type Field struct {
	// Path is how a rule writes it: "event.data.object.key".
	Path string `json:"path"`
	// Type is a name of Model.Types, or "object": its fields follow it.
	Type string `json:"type"`
	Doc  string `json:"doc"`
}

// The descriptors of proto/pointsman/v1 with their comments, which the generated Go does not have. `make gen` writes the file.
//
//go:embed events.binpb
var eventDescriptors []byte

// renamed are fields that rules read in another form than the envelope has.
var renamed = map[string]string{
	"event.time":     "When it happened by the sender's clock, in RFC 3339. null: the sender gave no time.",
	"event.received": "When Pointsman received it, in RFC 3339.",
	"event.data":     "The decoded event. Its fields depend on the kind of the source.",
}

func events() *Events {
	envelope := envelopeDescriptor()
	oneof := envelope.Oneofs().ByName("data").Fields()
	e := &Events{}
	for i := range oneof.Len() {
		kind := string(oneof.Get(i).Name())
		data := EventData{Kind: kind, Doc: comment(oneof.Get(i).Message())}
		for _, f := range rule.EventFields(kind) {
			path := strings.Split(f.Path, ".")[1:]
			documented := Field{Path: f.Path, Type: f.Type, Doc: renamed[f.Path]}
			switch {
			case path[0] == "data" && len(path) > 1:
				documented.Doc = fieldComment(oneof.Get(i).Message(), path[1:])
				data.Fields = append(data.Fields, documented)
			case i == 0:
				if documented.Doc == "" {
					documented.Doc = fieldComment(envelope, path)
				}
				if f.Path == "event.data" {
					documented.Type = "any"
				}
				e.Common = append(e.Common, documented)
			}
		}
		e.Data = append(e.Data, data)
	}
	return e
}

func envelopeDescriptor() protoreflect.MessageDescriptor {
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(eventDescriptors, set); err != nil {
		panic("reference: events.binpb: " + err.Error())
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		panic("reference: events.binpb: " + err.Error())
	}
	d, err := files.FindDescriptorByName("pointsman.v1.Envelope")
	if err != nil {
		panic("reference: events.binpb: " + err.Error())
	}
	return d.(protoreflect.MessageDescriptor)
}

// fieldComment finds the comment of a field by the names that lead to it.
func fieldComment(m protoreflect.MessageDescriptor, path []string) string {
	f := m.Fields().ByName(protoreflect.Name(path[0]))
	switch {
	case f == nil:
		return ""
	case len(path) > 1:
		return fieldComment(f.Message(), path[1:])
	}
	return comment(f)
}

func comment(d protoreflect.Descriptor) string {
	return strings.Join(strings.Fields(d.ParentFile().SourceLocations().ByDescriptor(d).LeadingComments), " ")
}
