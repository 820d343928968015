package config

import (
	"errors"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var collectionFunctions = []FunctionDoc{
	{
		Signature: "length(x)", Doc: "Counts the characters of a string, or the elements of a list or object.", impl: lengthFunc,
		Examples: []FunctionExample{{`length(["a", "b"])`, `2`}, {`length("café")`, `4`}},
	},
	{
		Signature: "contains(list_or_string, x)", Doc: "Reports whether the list contains the element, or the string the substring.", impl: containsFunc,
		Examples: []FunctionExample{{`contains(["created", "updated"], "updated")`, `true`}, {`contains("disk full", "full")`, `true`}},
	},
	{
		Signature: "index(list, x)", Doc: "Returns the position of the element in the list, counted from 0. It is an error when it is not in the list.", impl: indexFunc,
		Examples: []FunctionExample{{`index(["low", "high"], "high")`, `1`}},
	},
	{
		Signature: "element(list, i)", Doc: "Returns the element at position i, counted from 0. Past the end it starts again from the beginning; -1 is the last.", impl: stdlib.ElementFunc,
		Examples: []FunctionExample{{`element(split("/", "img/2026/a.png"), -1)`, `"a.png"`}, {`element(["a", "b"], 5)`, `"b"`}},
	},
	{
		Signature: "one(list)", Doc: "Returns the only element of a list, or null when the list is empty. More elements are an error.", impl: oneFunc,
		Examples: []FunctionExample{{`one([for n in [1, 20] : n if n > 10])`, `20`}},
	},
	{
		Signature: "slice(list, start, end)", Doc: "Returns the elements from position start up to, but not including, end.", impl: stdlib.SliceFunc,
		Examples: []FunctionExample{{`slice(["a", "b", "c", "d"], 1, 3)`, `["b", "c"]`}},
	},
	{
		Signature: "concat(lists...)", Doc: "Joins lists into one.", impl: stdlib.ConcatFunc,
		Examples: []FunctionExample{{`concat(["a"], ["b", "c"])`, `["a", "b", "c"]`}},
	},
	{
		Signature: "flatten(list)", Doc: "Replaces lists inside the list by their elements, at every depth.", impl: stdlib.FlattenFunc, Returns: "list",
		Examples: []FunctionExample{{`flatten([["a"], [], ["b", ["c"]]])`, `["a", "b", "c"]`}},
	},
	{
		Signature: "distinct(list)", Doc: "Returns the list without elements that are equal to an earlier one.", impl: distinctFunc, Returns: "list",
		Examples: []FunctionExample{{`distinct(["a", "b", "a"])`, `["a", "b"]`}},
	},
	{
		Signature: "compact(list)", Doc: "Returns the list of strings without those that are null or empty.", impl: stdlib.CompactFunc,
		Examples: []FunctionExample{{`compact(["a", "", null, "b"])`, `["a", "b"]`}},
	},
	{
		Signature: "sort(list)", Doc: "Sorts strings by their bytes.", impl: stdlib.SortFunc,
		Examples: []FunctionExample{{`sort(["b", "a", "B"])`, `["B", "a", "b"]`}},
	},
	{
		Signature: "reverse(list)", Doc: "Returns the list from its end to its beginning.", impl: stdlib.ReverseListFunc, Returns: "list",
		Examples: []FunctionExample{{`reverse([1, 2, 3])`, `[3, 2, 1]`}},
	},
	{
		Signature: "range(numbers...)", Doc: "Returns the numbers from 0 up to, but not including, a limit; or from a start to a limit; or those in steps. At most 1024 numbers.", impl: stdlib.RangeFunc,
		Examples: []FunctionExample{{`range(3)`, `[0, 1, 2]`}, {`range(9, 18, 3)`, `[9, 12, 15]`}},
	},
	{
		Signature: "alltrue(list)", Doc: "Reports whether all elements are true. Of an empty list they are.", impl: boolsFunc(false),
		Examples: []FunctionExample{{`alltrue([for n in [3, 5] : n > 2])`, `true`}},
	},
	{
		Signature: "anytrue(list)", Doc: "Reports whether any element is true.", impl: boolsFunc(true),
		Examples: []FunctionExample{{`anytrue([for n in [3, 5] : n > 4])`, `true`}},
	},
	{
		Signature: "keys(object)", Doc: "Returns the names of the members, sorted.", impl: stdlib.KeysFunc, Returns: "list of string",
		Examples: []FunctionExample{{`keys({ b = 1, a = 2 })`, `["a", "b"]`}},
	},
	{
		Signature: "values(object)", Doc: "Returns the values of the members, sorted by their names.", impl: stdlib.ValuesFunc, Returns: "list",
		Examples: []FunctionExample{{`values({ b = 1, a = 2 })`, `[2, 1]`}},
	},
	{
		Signature: "merge(objects...)", Doc: "Joins objects into one. Of members with the same name the last wins.", impl: stdlib.MergeFunc, Returns: "object",
		Examples: []FunctionExample{{`merge({ level = "info", team = "ops" }, { level = "warn" })`, `{ level = "warn", team = "ops" }`}},
	},
	{
		Signature: "zipmap(keys, values)", Doc: "Makes an object of a list of names and a list of values.", impl: stdlib.ZipmapFunc, Returns: "object",
		Examples: []FunctionExample{{`zipmap(["a", "b"], [1, 2])`, `{ a = 1, b = 2 }`}},
	},
	{
		Signature: "setunion(sets...)", Doc: "Returns the elements that are in any of the lists, each once.", impl: stdlib.SetUnionFunc, Returns: "set",
		Examples: []FunctionExample{{`setunion(["a", "b"], ["b", "c"])`, `["a", "b", "c"]`}},
	},
	{
		Signature: "setintersection(sets...)", Doc: "Returns the elements that are in all of the lists, each once.", impl: stdlib.SetIntersectionFunc, Returns: "set",
		Examples: []FunctionExample{{`setintersection(["a", "b"], ["b", "c"])`, `["b"]`}},
	},
	{
		Signature: "setsubtract(a, b)", Doc: "Returns the elements of a that are not in b, each once.", impl: stdlib.SetSubtractFunc, Returns: "set",
		Examples: []FunctionExample{{`setsubtract(["a", "b"], ["b", "c"])`, `["a"]`}},
	},
}

// containsFunc is stdlib's contains, and for strings whether one is in the other.
var containsFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "x", Type: cty.DynamicPseudoType}, anyNull},
	Type:   function.StaticReturnType(cty.Bool),
	Impl: whenKnown(func(args []cty.Value) (cty.Value, error) {
		in, x := args[0], args[1]
		if in.Type() == cty.String {
			if x.IsNull() || x.Type() != cty.String {
				return cty.NilVal, function.NewArgErrorf(1, "to search a string, a string is needed")
			}
			return cty.BoolVal(strings.Contains(in.AsString(), x.AsString())), nil
		}
		if !isListType(in.Type()) {
			return cty.NilVal, function.NewArgErrorf(0, "a list or a string is needed")
		}
		return cty.BoolVal(position(in, x) >= 0), nil
	}),
})

func isListType(t cty.Type) bool { return t.IsListType() || t.IsTupleType() || t.IsSetType() }

// position returns -1 when x is not in the list. null is equal to null.
func position(list, x cty.Value) int {
	n := 0
	for _, e := range list.Elements() {
		if e.IsNull() || x.IsNull() {
			if e.IsNull() && x.IsNull() {
				return n
			}
		} else if eq := e.Equals(x); eq.IsKnown() && eq.True() {
			return n
		}
		n++
	}
	return -1
}

var indexFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "x", Type: cty.DynamicPseudoType}, anyNull},
	Type:   function.StaticReturnType(cty.Number),
	Impl: whenKnown(func(args []cty.Value) (cty.Value, error) {
		if !isListType(args[0].Type()) {
			return cty.NilVal, errNotList
		}
		n := position(args[0], args[1])
		if n < 0 {
			return cty.NilVal, function.NewArgErrorf(1, "it is not in the list")
		}
		return cty.NumberIntVal(int64(n)), nil
	}),
})

var (
	errNotList  = function.NewArgErrorf(0, "a list is needed")
	errManyOfOn = errors.New("the list has more than one element")
)

// lengthFunc counts characters of strings and elements of everything else.
var lengthFunc = typedFunc(cty.Number, []cty.Type{cty.DynamicPseudoType}, nil, func(args []cty.Value) (cty.Value, error) {
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
})

var oneFunc = typedFunc(cty.DynamicPseudoType, []cty.Type{cty.DynamicPseudoType}, nil, func(args []cty.Value) (cty.Value, error) {
	if !isListType(args[0].Type()) {
		return cty.NilVal, errNotList
	}
	switch all := args[0].AsValueSlice(); len(all) {
	case 0:
		return cty.NullVal(cty.DynamicPseudoType), nil
	case 1:
		return all[0], nil
	}
	return cty.NilVal, errManyOfOn
})

// distinctFunc finds equal elements by their hash. That of go-cty compares each with each, which takes minutes for a long list.
var distinctFunc = typedFunc(cty.DynamicPseudoType, []cty.Type{cty.DynamicPseudoType}, nil, func(args []cty.Value) (cty.Value, error) {
	if !isListType(args[0].Type()) {
		return cty.NilVal, errNotList
	}
	seen := map[int][]cty.Value{}
	var kept []cty.Value
next:
	for _, e := range args[0].Elements() {
		h := e.Hash()
		for _, other := range seen[h] {
			if e.RawEquals(other) {
				continue next
			}
		}
		seen[h] = append(seen[h], e)
		kept = append(kept, e)
	}
	return cty.TupleVal(kept), nil
})

// boolsFunc reports whether any element of a list is equal to want, for alltrue turned around.
func boolsFunc(want bool) function.Function {
	return typedFunc(cty.Bool, []cty.Type{cty.DynamicPseudoType}, nil, func(args []cty.Value) (cty.Value, error) {
		if !isListType(args[0].Type()) {
			return cty.NilVal, errNotList
		}
		for _, e := range args[0].Elements() {
			b, err := convert.Convert(e, cty.Bool)
			if err != nil || b.IsNull() {
				return cty.NilVal, function.NewArgErrorf(0, "every element must be true or false")
			}
			if b.True() == want {
				return cty.BoolVal(want), nil
			}
		}
		return cty.BoolVal(!want), nil
	})
}
