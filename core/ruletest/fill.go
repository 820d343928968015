package ruletest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/jsondoc"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// fillError is why a message cannot be filled. path leads to the member that does not fit.
type fillError struct {
	path            []string
	summary, detail string
}

// filler fills messages from a JSON document in the form that rules see: every field has its own name, free JSON is the JSON itself,
// numbers are numbers, and a list of named values may be an object.
type filler struct {
	doc jsondoc.Document
	// what is the outermost message for people.
	what string
}

func fillMessage(m protoreflect.Message, what string, text []byte) *fillError {
	f := &filler{what: what}
	if err := f.doc.Parse(string(text)); err != nil {
		return &fillError{summary: "Invalid data", detail: fmt.Sprintf("The data is not JSON that rules can read: %v.", err)}
	}
	return f.message(m, jsondoc.Root, nil)
}

func (f *filler) message(m protoreflect.Message, n jsondoc.Node, path []string) *fillError {
	if free, ok := m.Interface().(*pointsmanv1.Json); ok {
		free.Text = []byte(f.doc.Raw(n))
		return nil
	}
	if f.doc.Kind(n) != jsondoc.Object {
		return f.wrong(path, "an object")
	}
	for name, value := range f.doc.Members(n) {
		text := f.doc.Text(name)
		at := append(slices.Clone(path), text)
		fd := m.Descriptor().Fields().ByName(protoreflect.Name(text))
		if fd == nil {
			return f.unknown(m, text, at)
		}
		if f.doc.Kind(value) == jsondoc.Null {
			continue // as if it were not written
		}
		if err := f.field(m, fd, value, at); err != nil {
			return err
		}
	}
	return nil
}

func (f *filler) unknown(m protoreflect.Message, name string, path []string) *fillError {
	var known []string
	for i := range m.Descriptor().Fields().Len() {
		known = append(known, string(m.Descriptor().Fields().Get(i).Name()))
	}
	what := f.what
	if inner := path[:len(path)-1]; len(inner) > 0 {
		what = strings.Join(inner, ".") + " in " + what
	}
	hint := ""
	if near := config.Suggest(name, known); near != "" {
		hint = fmt.Sprintf(" Did you mean %q?", near)
	}
	return &fillError{path, "Unknown field", fmt.Sprintf("There is no field %q in %s.%s Known: %s.", name, what, hint, strings.Join(known, ", "))}
}

func (f *filler) wrong(path []string, want string) *fillError {
	name := f.what
	if len(path) > 0 {
		name = strings.Join(path, ".")
	}
	return &fillError{path, "Invalid value", fmt.Sprintf("%q must be %s.", name, want)}
}

func (f *filler) field(m protoreflect.Message, fd protoreflect.FieldDescriptor, n jsondoc.Node, path []string) *fillError {
	switch {
	case fd.IsList() && fd.Message() != nil:
		return f.pairs(m.Mutable(fd).List(), fd, n, path)
	case fd.Message() != nil:
		return f.message(m.Mutable(fd).Message(), n, path)
	}
	v, want := f.scalar(fd, n)
	if want != "" {
		return f.wrong(path, want)
	}
	m.Set(fd, v)
	return nil
}

// pairs fills a list of messages with a name and a value, from an object or from a list of such messages.
func (f *filler) pairs(list protoreflect.List, fd protoreflect.FieldDescriptor, n jsondoc.Node, path []string) *fillError {
	switch f.doc.Kind(n) {
	case jsondoc.Array:
		for element := range f.doc.Elements(n) {
			one := list.NewElement()
			if err := f.message(one.Message(), element, path); err != nil {
				return err
			}
			list.Append(one)
		}
		return nil
	case jsondoc.Object:
		fields := fd.Message().Fields()
		for name, value := range f.doc.Members(n) {
			if f.doc.Kind(value) != jsondoc.String {
				return f.wrong(append(slices.Clone(path), f.doc.Text(name)), "a string")
			}
			one := list.NewElement()
			one.Message().Set(fields.ByName("name"), protoreflect.ValueOfString(f.doc.Text(name)))
			one.Message().Set(fields.ByName("value"), protoreflect.ValueOfString(f.doc.Text(value)))
			if typ := fields.ByName("type"); typ != nil {
				one.Message().Set(typ, protoreflect.ValueOfString("String"))
			}
			list.Append(one)
		}
		return nil
	}
	return f.wrong(path, "an object of strings")
}

// scalar converts a value; want says what it must be if it cannot be converted.
func (f *filler) scalar(fd protoreflect.FieldDescriptor, n jsondoc.Node) (v protoreflect.Value, want string) {
	kind, raw := f.doc.Kind(n), f.doc.Raw(n)
	switch fd.Kind() {
	case protoreflect.StringKind:
		if kind == jsondoc.String {
			return protoreflect.ValueOfString(f.doc.Text(n)), ""
		}
		return v, "a string"
	case protoreflect.BoolKind:
		if kind == jsondoc.Bool {
			return protoreflect.ValueOfBool(raw == "true"), ""
		}
		return v, "true or false"
	case protoreflect.Int64Kind, protoreflect.Sfixed64Kind, protoreflect.Sint64Kind:
		if i, err := strconv.ParseInt(raw, 10, 64); err == nil && kind == jsondoc.Number {
			return protoreflect.ValueOfInt64(i), ""
		}
		return v, "a whole number"
	case protoreflect.Uint32Kind:
		if u, err := strconv.ParseUint(raw, 10, 32); err == nil && kind == jsondoc.Number {
			return protoreflect.ValueOfUint32(uint32(u)), ""
		}
		return v, fmt.Sprintf("a whole number up to %d", uint32(math.MaxUint32))
	}
	return v, "left out: tests cannot set fields of this type"
}
