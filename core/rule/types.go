package rule

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
)

func isList(t cty.Type) bool { return t.IsListType() || t.IsTupleType() || t.IsSetType() }

func isObject(t cty.Type) bool { return t.IsMapType() || t.IsObjectType() }

// elementType is the type of the elements of a list, map or object, and dynamic if they differ.
func elementType(t cty.Type) cty.Type {
	switch {
	case t.IsCollectionType():
		return t.ElementType()
	case t.IsTupleType():
		return common(t.TupleElementTypes())
	case t.IsObjectType():
		var types []cty.Type
		for _, at := range t.AttributeTypes() {
			types = append(types, at)
		}
		return common(types)
	}
	return cty.DynamicPseudoType
}

func common(types []cty.Type) cty.Type {
	if len(types) == 0 {
		return cty.DynamicPseudoType
	}
	for _, t := range types {
		if !t.Equals(types[0]) {
			return cty.DynamicPseudoType
		}
	}
	return types[0]
}

// comparableTypes reports whether values of the types can be equal. Types known only with the event can.
func comparableTypes(a, b cty.Type) bool {
	switch {
	case a == cty.DynamicPseudoType || b == cty.DynamicPseudoType:
		return true
	case isList(a) && isList(b):
		return comparableTypes(elementType(a), elementType(b))
	case isObject(a) && isObject(b):
		return true
	}
	return a.Equals(b)
}

// typeOf is the static type of a constant: the type of its expression, or that of the value if the expression is dynamic.
func typeOf(v value, promised cty.Type) cty.Type {
	if promised != cty.DynamicPseudoType {
		return promised
	}
	switch v.kind {
	case boolean:
		return cty.Bool
	case numeric:
		return cty.Number
	case text:
		return cty.String
	}
	return promised
}

// typeName is for diagnostics: "a string", "a list of string".
func typeName(t cty.Type) string {
	switch {
	case t == cty.DynamicPseudoType:
		return "known only with the event"
	case t.IsTupleType():
		return "a list"
	case t.IsObjectType():
		return "an object"
	}
	return "a " + t.FriendlyName()
}

// fromCty takes a value that is known and not marked.
func fromCty(v cty.Value) (value, error) {
	t := v.Type()
	switch {
	case v.IsNull():
		return value{}, nil
	case t == cty.String:
		return textValue(v.AsString()), nil
	case t == cty.Bool:
		return boolValue(v.True()), nil
	case t == cty.Number:
		return fromBig(v.AsBigFloat())
	case isList(t):
		return fromElements(v)
	case isObject(t):
		return fromMembers(v)
	}
	return value{}, fmt.Errorf("a value of type %s cannot be used in a rule", t.FriendlyName())
}

// fromBig converts the result of a function. If the function computes with float64, it takes the shortest decimal.
func fromBig(b *big.Float) (value, error) {
	n, ok := bigNumber(b)
	if ok && n.big != nil && b.Prec() <= 53 {
		f, _ := b.Float64()
		n, ok = floatNumber(f)
	}
	if !ok {
		return value{}, errors.New(outOfRange)
	}
	return numberValue(n), nil
}

func fromElements(v cty.Value) (value, error) {
	items := make([]value, 0, v.LengthInt())
	for _, e := range v.Elements() {
		item, err := fromCty(e)
		if err != nil {
			return value{}, err
		}
		items = append(items, item)
	}
	return listValue(items), nil
}

func fromMembers(v cty.Value) (value, error) {
	var names []string
	var values []value
	for k, e := range v.Elements() {
		member, err := fromCty(e)
		if err != nil {
			return value{}, err
		}
		names, values = append(names, k.AsString()), append(values, member)
	}
	return objectValue(names, values), nil
}

func toCty(v value) cty.Value {
	switch v.kind {
	case boolean:
		return cty.BoolVal(v.bool())
	case numeric:
		return cty.NumberVal(v.num.float())
	case text:
		return cty.StringVal(v.str)
	case list:
		var items []cty.Value
		for _, item := range v.items() {
			items = append(items, toCty(item))
		}
		return cty.TupleVal(items)
	case object:
		attrs := map[string]cty.Value{}
		m := v.members()
		for i, name := range m.names {
			attrs[name] = toCty(m.values[i])
		}
		return cty.ObjectVal(attrs)
	}
	return cty.NullVal(cty.DynamicPseudoType)
}

// sentence capitalizes an error text and removes the final period.
func sentence(s string) string {
	s = strings.TrimSuffix(s, ".")
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}
