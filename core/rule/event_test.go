package rule

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// TestEveryField sets every field of every message to a value of its own: the rules' view must show each, under its name.
func TestEveryField(t *testing.T) {
	kinds := (*pointsmanv1.Envelope)(nil).ProtoReflect().Descriptor().Oneofs().ByName("data").Fields()
	for i := range kinds.Len() {
		kind := kinds.Get(i)
		if kind.Name() == "json" {
			continue
		}
		t.Run(string(kind.Name()), func(t *testing.T) {
			env := &pointsmanv1.Envelope{Kind: string(kind.Name())}
			n := 0
			fill(env.ProtoReflect().Mutable(kind).Message(), &n)
			event := newEventType(env.GetKind())
			f := newFrame(env, event)
			defer f.release()
			var got, want any
			if err := json.Unmarshal(appendValue(nil, event.root.fields.field("data").val(f)), &got); err != nil || f.err != nil {
				t.Fatal(err, f.err)
			}
			text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(env.ProtoReflect().Get(kind).Message().Interface())
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(view(want), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// fill sets strings to "s<n>", numbers to n, Json to {"n": n} and lists of pairs to one pair.
func fill(m protoreflect.Message, n *int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		*n++
		switch {
		case m.Descriptor().FullName() == jsonName:
			m.Set(fd, protoreflect.ValueOfBytes(fmt.Appendf(nil, `{"n":%d}`, *n)))
		case fd.IsList():
			fill(m.Mutable(fd).List().AppendMutable().Message(), n)
		case fd.Message() != nil:
			fill(m.Mutable(fd).Message(), n)
		case fd.Kind() == protoreflect.StringKind:
			m.Set(fd, protoreflect.ValueOfString(fmt.Sprintf("s%d", *n)))
		case fd.Kind() == protoreflect.Int64Kind:
			m.Set(fd, protoreflect.ValueOfInt64(int64(*n)))
		case fd.Kind() == protoreflect.Uint32Kind:
			m.Set(fd, protoreflect.ValueOfUint32(uint32(*n)))
		default:
			panic("a kind of field that rules cannot read: " + fd.FullName())
		}
	}
}

// view turns protojson into what rules see: Json as its value, lists of pairs as maps, 64-bit numbers as numbers.
func view(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	if text, ok := object["text"].(string); ok && len(object) == 1 {
		var b []byte
		_ = json.Unmarshal([]byte(`"`+text+`"`), &b)
		var inner any
		_ = json.Unmarshal(b, &inner)
		return inner
	}
	for name, v := range object {
		if pairs, ok := v.([]any); ok {
			m := map[string]any{}
			for _, p := range pairs {
				m[p.(map[string]any)["name"].(string)] = p.(map[string]any)["value"]
			}
			v = m
		}
		if s, ok := v.(string); ok && name == "size" {
			v = json.Number(s)
			n, _ := v.(json.Number).Float64()
			v = n
		}
		object[name] = view(v)
	}
	return object
}
