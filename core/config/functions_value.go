package config

import (
	"errors"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var anyParam = function.Parameter{Name: "x", Type: cty.DynamicPseudoType}

// containsFunc is stdlib's contains, and for strings whether one is in the other.
var containsFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "list_or_string", Type: cty.DynamicPseudoType},
		{Name: "x", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true},
	},
	Type: function.StaticReturnType(cty.Bool),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		in, x := args[0], args[1]
		if in.Type() == cty.String {
			if x.IsNull() || x.Type() != cty.String {
				return cty.NilVal, function.NewArgErrorf(1, "to search a string, a string is needed")
			}
			return cty.BoolVal(strings.Contains(in.AsString(), x.AsString())), nil
		}
		if !in.CanIterateElements() || in.Type().IsObjectType() || in.Type().IsMapType() {
			return cty.NilVal, function.NewArgErrorf(0, "a list or a string is needed")
		}
		for it := in.ElementIterator(); it.Next(); {
			_, e := it.Element()
			if e.IsNull() || x.IsNull() {
				if e.IsNull() && x.IsNull() {
					return cty.True, nil
				}
				continue
			}
			if eq := e.Equals(x); eq.IsKnown() && eq.True() {
				return cty.True, nil
			}
		}
		return cty.False, nil
	},
})

// lengthFunc counts characters of strings and elements of everything else.
var lengthFunc = function.New(&function.Spec{
	Params: []function.Parameter{anyParam},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		x := args[0]
		switch ty := x.Type(); {
		case ty == cty.String:
			return stdlib.Strlen(x)
		case ty.IsObjectType():
			return cty.NumberIntVal(int64(len(ty.AttributeTypes()))), nil
		case x.CanIterateElements():
			return x.Length(), nil
		}
		return cty.NilVal, function.NewArgErrorf(0, "a string, a list or an object is needed")
	},
})

// getFunc looks up a path in a value of unknown shape.
var getFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "object", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true},
		{Name: "path", Type: cty.String},
	},
	VarParam: &function.Parameter{Name: "default", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true},
	Type: func(args []cty.Value) (cty.Type, error) {
		v, err := lookUp(args)
		if err != nil || !v.IsKnown() {
			return cty.DynamicPseudoType, err
		}
		return v.Type(), nil
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return lookUp(args) },
})

var errGetArguments = errors.New("get takes an object, a path and at most one default")

func lookUp(args []cty.Value) (cty.Value, error) {
	if len(args) > 3 {
		return cty.NilVal, errGetArguments
	}
	for _, a := range args {
		if !a.IsKnown() {
			return cty.DynamicVal, nil
		}
	}
	v := args[0]
	for step := range strings.SplitSeq(args[1].AsString(), ".") {
		v = member(v, step)
	}
	if v.IsNull() && len(args) == 3 {
		return args[2], nil
	}
	return v, nil
}

// member is one step of a path; null when there is no such thing.
func member(v cty.Value, step string) cty.Value {
	none := cty.NullVal(cty.DynamicPseudoType)
	if v.IsNull() || !v.IsKnown() {
		return none
	}
	switch ty := v.Type(); {
	case ty.IsObjectType() && ty.HasAttribute(step):
		return v.GetAttr(step)
	case ty.IsMapType() && v.HasIndex(cty.StringVal(step)).True():
		return v.Index(cty.StringVal(step))
	case ty.IsTupleType(), ty.IsListType():
		n, err := strconv.Atoi(step)
		if err == nil && n >= 0 && n < v.LengthInt() {
			return v.Index(cty.NumberIntVal(int64(n)))
		}
	}
	return none
}
