package ruletest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// compare says where arguments, a JSON object, differ from those expected. Of objects only the members are compared that are
// expected; a member that is not there is null.
func compare(want cty.Value, arguments []byte) []Difference {
	var got ctyjson.SimpleJSONValue
	if err := got.UnmarshalJSON(arguments); err != nil {
		return []Difference{{Path: "arguments", Expected: text(want), Got: fmt.Sprintf("what cannot be compared: %v", err)}}
	}
	return differ(nil, "", want, got.Value)
}

func differ(all []Difference, path string, want, got cty.Value) []Difference {
	switch {
	case isObject(want) && isObject(got):
		values, members := want.AsValueMap(), got.AsValueMap()
		for _, name := range slices.Sorted(maps.Keys(values)) {
			member, ok := members[name]
			if !ok {
				member = cty.NilVal
			}
			all = differ(all, join(path, name), values[name], member)
		}
		return all
	case isList(want) && isList(got) && want.LengthInt() == got.LengthInt():
		items, others := want.AsValueSlice(), got.AsValueSlice()
		for i := range items {
			all = differ(all, fmt.Sprintf("%s[%d]", path, i), items[i], others[i])
		}
		return all
	case equal(want, got):
		return all
	}
	return append(all, Difference{Path: path, Expected: text(want), Got: text(got)})
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func isObject(v cty.Value) bool {
	return v != cty.NilVal && !v.IsNull() && (v.Type().IsObjectType() || v.Type().IsMapType())
}

func isList(v cty.Value) bool {
	return v != cty.NilVal && !v.IsNull() && (v.Type().IsTupleType() || v.Type().IsListType() || v.Type().IsSetType())
}

// equal compares values of which at most one is an object or a list.
func equal(a, b cty.Value) bool {
	none := func(v cty.Value) bool { return v == cty.NilVal || v.IsNull() }
	if none(a) || none(b) {
		return none(a) && none(b)
	}
	return a.Type().Equals(b.Type()) && a.RawEquals(b)
}

// text is a value as JSON in one line; empty for no value.
func text(v cty.Value) string {
	if v == cty.NilVal {
		return ""
	}
	raw, err := ctyjson.SimpleJSONValue{Value: v}.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	var any any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&any); err != nil {
		return string(raw)
	}
	return readable(any)
}

func quoted(s string) string { return readable(s) }

// readable is JSON without the escapes that only HTML needs.
func readable(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n")
}
