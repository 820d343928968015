package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var missingFunctions = []FunctionDoc{
	{
		Signature: "coalesce(values...)", Doc: "Returns the first value that is not null.", impl: stdlib.CoalesceFunc,
		Examples: []FunctionExample{{`coalesce(null, "unknown")`, `"unknown"`}},
	},
	{
		Signature: "get(object, path, default?)", Doc: `Returns the value at a path such as "a.b.0.c", or the default (null if omitted) when there is none.`, impl: getFunc,
		Examples: []FunctionExample{{`get({ detail = { tags = ["a", "b"] } }, "detail.tags.1")`, `"b"`}, {`get({ a = 1 }, "b.c", "none")`, `"none"`}},
	},
	{
		Signature: "lookup(object, key, default?)", Doc: "Returns the member with the key, or the default when there is none or it is null. Without a default a missing member is an error.", impl: lookupFunc,
		Examples: []FunctionExample{{`lookup({ ALARM = "#alerts", OK = "#log" }, "ALARM", "#general")`, `"#alerts"`}, {`lookup({ ALARM = "#alerts" }, "OK", "#general")`, `"#general"`}},
	},
	{
		Signature: "try(expressions...)", Doc: "Returns the value of the first expression that does not fail. A missing member of JSON is null, which is a value: coalesce gives a default for it. A mistake that is certain at load, such as a field that no event has, stays an error, and so does an expression that costs too much.", impl: tryFunc,
		Examples: []FunctionExample{{`try(tonumber("abc"), 0)`, `0`}, {`try(regex("id=([0-9]+)", "no id")[0], "none")`, `"none"`}},
	},
	{
		Signature: "can(expression)", Doc: "Reports whether the expression has a value, rather than failing.", impl: canFunc,
		Examples: []FunctionExample{{`can(jsondecode("{"))`, `false`}, {`can(tonumber("17"))`, `true`}},
	},
}

var anyNull = function.Parameter{Name: "x", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true}

// getFunc looks up a path in a value of unknown shape.
var getFunc = function.New(&function.Spec{
	Params:   []function.Parameter{anyNull, {Name: "x", Type: cty.String}},
	VarParam: &anyNull,
	Type:     function.StaticReturnType(cty.DynamicPseudoType),
	Impl: whenKnown(func(args []cty.Value) (cty.Value, error) {
		v := args[0]
		for step := range strings.SplitSeq(args[1].AsString(), ".") {
			v = member(v, step)
		}
		if v.IsNull() && len(args) == 3 {
			return args[2], nil
		}
		return v, nil
	}),
})

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

// lookupFunc differs from that of go-cty: the default may have another type, and stands for null too.
var lookupFunc = function.New(&function.Spec{
	Params:   []function.Parameter{{Name: "x", Type: cty.DynamicPseudoType}, {Name: "x", Type: cty.String}},
	VarParam: &anyNull,
	Type:     function.StaticReturnType(cty.DynamicPseudoType),
	Impl: whenKnown(func(args []cty.Value) (cty.Value, error) {
		in, key := args[0], args[1].AsString()
		if !isObjectType(in.Type()) {
			return cty.NilVal, function.NewArgErrorf(0, "an object is needed")
		}
		v := member(in, key)
		switch {
		case !v.IsNull():
			return v, nil
		case len(args) == 3:
			return args[2], nil
		}
		return cty.NilVal, function.NewArgErrorf(1, "the object has no such member, and there is no default")
	}),
})

func isObjectType(t cty.Type) bool { return t.IsObjectType() || t.IsMapType() }

// tryFunc and canFunc differ from those of hcl/ext/tryfunc in two points. They evaluate an expression once: those evaluate it for its type
// too, and a function that wraps them makes it three times at each level of nesting. And whether an expression with a secret has failed is
// a secret.
var tryFunc = typedFunc(cty.DynamicPseudoType, nil, &customdecode.ExpressionClosureType, func(args []cty.Value) (cty.Value, error) {
	var failed hcl.Diagnostics
	secret := false
	for _, arg := range args {
		closure := customdecode.ExpressionClosureFromVal(arg)
		v, diags := closure.Value()
		if !diags.HasErrors() {
			return sensitiveIf(secret, v), nil
		}
		failed = append(failed, diags...)
		secret = secret || usesSecret(closure)
	}
	if len(args) == 0 {
		return cty.NilVal, errors.New("at least one expression is needed")
	}
	last := failed[len(failed)-1]
	return cty.NilVal, fmt.Errorf("no expression succeeded; the last one: %s", strings.TrimSuffix(last.Detail, "."))
})

var canFunc = typedFunc(cty.Bool, []cty.Type{customdecode.ExpressionClosureType}, nil, func(args []cty.Value) (cty.Value, error) {
	closure := customdecode.ExpressionClosureFromVal(args[0])
	v, diags := closure.Value()
	result := cty.BoolVal(!diags.HasErrors())
	if !diags.HasErrors() && !v.IsWhollyKnown() {
		result = cty.UnknownVal(cty.Bool)
	}
	return sensitiveIf(usesSecret(closure), result), nil
})

func sensitiveIf(secret bool, v cty.Value) cty.Value {
	if secret {
		return mark(v)
	}
	return v
}

// usesSecret reports whether an expression reads a sensitive value.
func usesSecret(c *customdecode.ExpressionClosure) bool {
	if e, ok := c.Expression.(hclsyntax.Expression); ok {
		for _, call := range calls(e) {
			if secretNames[call.Name] {
				return true
			}
		}
	}
	return slices.ContainsFunc(c.Expression.Variables(), func(t hcl.Traversal) bool {
		for n := len(t); n > 0; n-- {
			if v, diags := t[:n].TraverseAbs(c.EvalContext); !diags.HasErrors() {
				return v.IsMarked() || n == len(t) && v.ContainsMarked()
			}
		}
		return false // no such name
	})
}
