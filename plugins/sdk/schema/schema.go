// Package schema ties a Go struct to a pluginv1.Schema: the struct's tags say what a configuration block may hold, and
// Decode fills the struct from the JSON object that such a block becomes.
//
//	type Settings struct {
//		WebhookURL schema.Secret `pointsman:"webhook_url,required" doc:"Where messages are posted."`
//		Format     string        `pointsman:"format,one_of=text|blocks,default=text" doc:"How text is sent."`
//		Timeout    time.Duration `pointsman:"timeout,default=10s" doc:"How long one post may take."`
//		SMTP       *SMTP         `pointsman:"smtp" doc:"Mail as well."`
//	}
//
// The tag is the name, then options separated by commas:
//
//	required     must be written
//	sensitive    the value is a secret; implied by Secret
//	default=x    used when the attribute is not written: the plain text of a string, number, bool or duration, JSON otherwise
//	one_of=a|b   the only values allowed, for strings and lists of strings
//	template     a string that the plugin reads as a text/template; the router escapes text of events in it
//	block        for the reader: implied by a struct
//
// The tag `doc` is what help and diagnostics say about it. Every exported field needs a tag; `pointsman:"-"` leaves one out.
// An embedded struct without a tag adds its fields to those of the struct around it.
//
//	Go type                                       attribute or block
//	string kinds, Secret                          TYPE_STRING
//	int, uint and float kinds                     TYPE_NUMBER
//	bool                                          TYPE_BOOL
//	time.Duration                                 TYPE_DURATION, "1m30s", never negative
//	[]string kinds, []Secret                      TYPE_STRING_LIST
//	map[string]string, map[string]Secret          TYPE_STRING_MAP
//	json.RawMessage, any                          TYPE_ANY; any holds numbers as float64
//	struct, *struct, []struct                     block; optional block; block that may be written many times
//	*string, *bool, *int, *time.Duration, ...     as without the star; nil when not written
package schema

import (
	"fmt"
	"reflect"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// ReservedArguments are the names inside a `dispatch` block that belong to the router. A schema of arguments that uses one
// at its top level is refused by CheckArguments.
func ReservedArguments() []string {
	return []string{"description", "order_by", "retry", "timeout"}
}

// CheckArguments says whether s may describe the arguments of a dispatch block.
func CheckArguments(s *pluginv1.Schema) error {
	reserved := ReservedArguments()
	for _, a := range s.GetAttributes() {
		if slices.Contains(reserved, a.GetName()) {
			return fmt.Errorf("argument %q: the name is reserved for the router", a.GetName())
		}
	}
	for _, b := range s.GetBlocks() {
		if slices.Contains(reserved, b.GetName()) {
			return fmt.Errorf("argument block %q: the name is reserved for the router", b.GetName())
		}
	}
	return nil
}

// Of returns the schema of a struct, given as a value or a pointer, which may be nil. The caller owns the result. An error
// is a mistake in the struct's definition and names the field.
func Of(v any) (*pluginv1.Schema, error) {
	d, err := NewDecoder(v)
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(d.schema), nil
}

// MustOf is Of for a struct that is known at compile time. It panics where Of returns an error.
func MustOf(v any) *pluginv1.Schema {
	s, err := Of(v)
	if err != nil {
		panic(err)
	}
	return s
}

// Decode fills the struct that into points to from a JSON object, which must satisfy s. Names that are not written get
// their default; null counts as not written; a name that s does not have is an error. What into held before is gone.
//
// s is the schema of into's type, as Of returns it; nil stands for exactly that. Any other schema is an error.
//
// The error for bad data is an *Error that holds every problem with its path. Its text shows no value. No data is an
// empty object.
func Decode(s *pluginv1.Schema, data []byte, into any) error {
	d, err := NewDecoder(into)
	if err != nil {
		return err
	}
	if s != nil && !proto.Equal(s, d.schema) {
		return fmt.Errorf("schema: not the schema of %T", into)
	}
	return d.Decode(data, into)
}

// Decoder is Decode prepared for one type. It is safe for concurrent use.
type Decoder struct {
	typ    reflect.Type
	schema *pluginv1.Schema
	plan   *object
}

// decoders holds one *Decoder per reflect.Type: the types of a program are few and live as long as it does.
var decoders sync.Map

// NewDecoder prepares the type of v, a struct or a pointer to one, which may be nil. Errors are those of Of.
func NewDecoder(v any) (*Decoder, error) {
	t := reflect.TypeOf(v)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("schema: want a struct, got %T", v)
	}
	if d, ok := decoders.Load(t); ok {
		return d.(*Decoder), nil
	}
	plan, s, err := compile(t, 0)
	if err != nil {
		return nil, fmt.Errorf("schema: %s: %w", t, err)
	}
	d, _ := decoders.LoadOrStore(t, &Decoder{typ: t, schema: s, plan: plan})
	return d.(*Decoder), nil
}

// Schema is the schema that the decoder was made from. It is shared: clone it to change it.
func (d *Decoder) Schema() *pluginv1.Schema { return d.schema }

// Decode is the function Decode without its check of the schema.
func (d *Decoder) Decode(data []byte, into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Type().Elem() != d.typ {
		return fmt.Errorf("schema: want a *%s to decode into, got %T", d.typ, into)
	}
	data, err := checkJSON(data)
	if err != nil {
		return err
	}
	w := walk{}
	v.Elem().SetZero()
	d.plan.decode(&w, data, v.Elem())
	if len(w.problems) > 0 {
		return &Error{Problems: w.problems}
	}
	return nil
}
