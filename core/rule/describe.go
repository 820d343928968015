package rule

import (
	"github.com/zclconf/go-cty/cty"
)

// EventField is a field of `event`, for documentation and editors.
type EventField struct {
	// Path is how a rule writes it: "event.data.object.key".
	Path string
	// Type is "string", "number", "bool", "map of strings", "object" (its fields follow it) or "any" (JSON of the sender).
	Type string
}

// EventFields lists what rules can read of the events of a kind of source, in the order of the .proto file; fields of an object
// come after it. A kind that has no message of its own has free JSON in event.data.
func EventFields(kind string) []EventField {
	return appendFields(nil, newEventType(kind).root.fields)
}

func appendFields(list []EventField, m *message) []EventField {
	for _, f := range m.fields {
		list = append(list, EventField{Path: m.path + "." + f.name, Type: fieldType(f.expr)})
		if f.expr.fields != nil {
			list = appendFields(list, f.expr.fields)
		}
	}
	return list
}

func fieldType(e *expr) string {
	switch t := e.typ; {
	case e.fields != nil:
		return "object"
	case t == cty.DynamicPseudoType:
		return "any"
	case isObject(t):
		return "map of strings"
	default:
		return t.FriendlyName()
	}
}
