package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// maxDepth bounds nested blocks. It also rejects recursive structs.
const maxDepth = 8

// object is the decoding plan of one struct.
type object struct {
	fields []field
	byName map[string]int
}

// field is one attribute or block of an object.
type field struct {
	name     string
	index    []int // for reflect.Value.FieldByIndex
	required bool
	many     bool
	def      []byte // JSON; nil: none
	decode   func(w *walk, value []byte, dst reflect.Value)
	absent   func(w *walk, dst reflect.Value) // defaults inside a block that is not written; nil: nothing to do
}

var (
	secretType   = reflect.TypeFor[Secret]()
	durationType = reflect.TypeFor[time.Duration]()
	rawType      = reflect.TypeFor[json.RawMessage]()
)

// compile derives the decoder and the schema of a struct type. depth limits recursive types.
func compile(t reflect.Type, depth int) (*object, *pluginv1.Schema, error) {
	if depth > maxDepth {
		return nil, nil, fmt.Errorf("more than %d blocks inside each other", maxDepth)
	}
	o, s := &object{byName: map[string]int{}}, &pluginv1.Schema{}
	for _, sf := range flatten(t, nil) {
		if err := o.add(s, sf, depth); err != nil {
			return nil, nil, fmt.Errorf("field %s: %w", sf.Name, err)
		}
	}
	return o, s, nil
}

// flatten lists the exported fields of a struct and of its embedded structs, with their index from the outer struct.
func flatten(t reflect.Type, at []int) []reflect.StructField {
	var out []reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		f.Index = append(slices.Clip(at), i)
		_, tagged := f.Tag.Lookup("pointsman")
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct && !tagged:
			out = append(out, flatten(f.Type, f.Index)...)
		case f.IsExported() && f.Tag.Get("pointsman") != "-":
			out = append(out, f)
		}
	}
	return out
}

// add adds a field, or the fields of an embedded struct.
func (o *object) add(s *pluginv1.Schema, sf reflect.StructField, depth int) error {
	t, err := parseTag(sf)
	if err != nil {
		return err
	}
	if _, dup := o.byName[t.name]; dup {
		return fmt.Errorf("the name %q is taken", t.name)
	}
	f := field{name: t.name, index: sf.Index, required: t.required}
	if isBlock(sf.Type) {
		err = f.compileBlock(s, t, sf.Type, depth)
	} else {
		err = f.compileAttribute(s, t, sf.Type)
	}
	if err != nil {
		return err
	}
	o.byName[t.name] = len(o.fields)
	o.fields = append(o.fields, f)
	return nil
}

func isBlock(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && t != secretType
}

// compileBlock makes the field a block: one, an optional one, or a list of them.
func (f *field) compileBlock(s *pluginv1.Schema, t tag, typ reflect.Type, depth int) error {
	if t.hasDefault || t.sensitive || t.template || t.oneOf != nil {
		return errors.New("a block takes no default, sensitive, one_of or template")
	}
	body := typ
	if typ.Kind() != reflect.Struct {
		body = typ.Elem()
	}
	inner, schema, err := compile(body, depth+1)
	if err != nil {
		return err
	}
	if len(inner.fields) == 0 {
		return fmt.Errorf("%s has no fields to write", typ)
	}
	f.many = typ.Kind() == reflect.Slice
	switch typ.Kind() {
	case reflect.Slice:
		f.decode = inner.decodeMany
	case reflect.Pointer:
		f.decode = pointer(inner.decode)
	default:
		f.decode, f.absent = inner.decode, inner.fillDefaults
	}
	s.Blocks = append(s.Blocks, &pluginv1.Block{Name: t.name, Schema: schema, Required: t.required, Many: f.many, Doc: t.doc})
	return nil
}

// compileAttribute makes the field an attribute and checks that its options fit its type.
func (f *field) compileAttribute(s *pluginv1.Schema, t tag, typ reflect.Type) error {
	if t.block {
		return fmt.Errorf("%s is no block", typ)
	}
	v, err := valueOf(typ, t.oneOf)
	if err != nil {
		return err
	}
	if t.sensitive && !v.secret && (v.typ == pluginv1.Type_TYPE_STRING || v.typ == pluginv1.Type_TYPE_STRING_LIST || v.typ == pluginv1.Type_TYPE_STRING_MAP) {
		return errors.New("a sensitive string must be a schema.Secret")
	}
	if len(t.oneOf) > 0 && (v.secret || v.typ != pluginv1.Type_TYPE_STRING && v.typ != pluginv1.Type_TYPE_STRING_LIST) {
		return errors.New("one_of is for strings and lists of strings")
	}
	if t.template && (v.secret || v.typ != pluginv1.Type_TYPE_STRING) {
		return errors.New("template is for strings")
	}
	a := &pluginv1.Attribute{
		Name: t.name, Type: v.typ, Required: t.required, Sensitive: t.sensitive || v.secret, OneOf: t.oneOf, Doc: t.doc, Template: t.template,
	}
	f.decode = v.decode
	if t.hasDefault {
		if f.def, err = defaultJSON(t.defaultRaw, v.typ); err != nil {
			return err
		}
		w := walk{}
		f.decode(&w, f.def, reflect.New(typ).Elem())
		if len(w.problems) > 0 {
			return fmt.Errorf("default: %s", w.problems[0])
		}
		a.DefaultJson = string(f.def)
	}
	s.Attributes = append(s.Attributes, a)
	return nil
}

// defaultJSON turns the text in a tag into JSON: strings and durations are written there without quotes.
func defaultJSON(raw string, typ pluginv1.Type) ([]byte, error) {
	if typ == pluginv1.Type_TYPE_STRING || typ == pluginv1.Type_TYPE_DURATION {
		return json.Marshal(raw)
	}
	if !json.Valid([]byte(raw)) {
		return nil, fmt.Errorf("default %q is not JSON", raw)
	}
	return trimSpace([]byte(raw)), nil
}
