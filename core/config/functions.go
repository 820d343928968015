package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// FunctionDoc describes a function of expressions. It is all that the reference says about it.
type FunctionDoc struct {
	Name string
	// Family is the heading under which the function is listed: "Text".
	Family string
	// Signature is the call with its parameters: `replace(s, old, new)`. A name that ends in ? may be left out, one that ends in ... may be
	// repeated, or left out too.
	Signature string
	Doc       string
	// Parameters are those of the signature, with their types.
	Parameters []FunctionParameter
	// Returns is the type of the result.
	Returns string
	// Examples are expressions with their results, both as HCL. Tests evaluate them.
	Examples []FunctionExample
	// Secret functions give sensitive values and are not for rules.
	Secret bool
	// RulesOnly functions take the event.
	RulesOnly bool

	impl function.Function
}

// FunctionParameter is one parameter of a function. Types are "string", "number", "bool", "list of string" and the like, and "any".
type FunctionParameter struct {
	Name, Type         string
	Optional, Repeated bool
}

// FunctionExample is a call and its result.
type FunctionExample struct {
	Expression, Result string
}

// Functions describes all functions, family by family. All are pure except env, file and file_raw, which rules cannot call.
func Functions() []FunctionDoc { return slices.Clone(functions) }

// FunctionNamed returns false for a name that no function has.
func FunctionNamed(name string) (FunctionDoc, bool) {
	i, ok := functionIndex[name]
	if !ok {
		return FunctionDoc{}, false
	}
	return functions[i], true
}

// MaxArguments is how many arguments a call may have; -1 when there is no limit.
func (d FunctionDoc) MaxArguments() int {
	if n := len(d.Parameters); n == 0 || !d.Parameters[n-1].Repeated {
		return n
	}
	return -1
}

// units are names for sizes: `event.data.object.size > 10 * mb`.
var units = map[string]cty.Value{
	"kb": cty.NumberIntVal(1 << 10),
	"mb": cty.NumberIntVal(1 << 20),
	"gb": cty.NumberIntVal(1 << 30),
}

// secretNames are the functions whose values are marked sensitive.
var secretNames = map[string]bool{"env": true, "file": true, "file_raw": true}

// pureFunctions are those that rules may use.
func pureFunctions() map[string]function.Function {
	m := map[string]function.Function{}
	for _, f := range functions {
		if !f.Secret {
			m[f.Name] = f.impl
		}
	}
	return m
}

var functions = slices.Concat(
	family("Text", textFunctions),
	family("Patterns", patternFunctions),
	family("Missing values and errors", missingFunctions),
	family("Lists and objects", collectionFunctions),
	family("Numbers and sizes", numberFunctions),
	family("Time", timeFunctions),
	family("Conversion", conversionFunctions),
	family("Encoding", encodingFunctions),
	family("Hashes", hashFunctions),
	family("Network", networkFunctions),
	family("Events", eventFunctions),
	family("Secrets", secretDocs),
)

// functionIndex is where each function is in functions: rules ask for it at every call.
var functionIndex = func() map[string]int {
	index := map[string]int{}
	for i, f := range functions {
		index[f.Name] = i
	}
	return index
}()

// family completes the descriptions of one family from their signatures and implementations.
func family(name string, docs []FunctionDoc) []FunctionDoc {
	for i := range docs {
		d := &docs[i]
		d.Family = name
		d.Name, _, _ = strings.Cut(d.Signature, "(")
		d.Parameters = parameters(d.Signature)
		if d.Secret {
			for i := range d.Parameters {
				d.Parameters[i].Type = "string"
			}
			d.Returns = "string"
			continue
		}
		d.impl = d.named()
		d.Returns = d.returns()
	}
	return docs
}

func parameters(signature string) []FunctionParameter {
	_, list, _ := strings.Cut(strings.TrimSuffix(signature, ")"), "(")
	var found []FunctionParameter
	for part := range strings.SplitSeq(list, ", ") {
		p := FunctionParameter{Name: strings.TrimRight(part, "?.")}
		p.Optional, p.Repeated = strings.HasSuffix(part, "?"), strings.HasSuffix(part, "...")
		found = append(found, p)
	}
	return found
}

// named returns the implementation with the parameters' names of the signature, so that errors use the names of the reference. It
// refuses arguments that the signature does not have, and fills in the types of the parameters.
func (d *FunctionDoc) named() function.Function {
	impl, params, more := d.impl, d.impl.Params(), d.impl.VarParam()
	for i := range d.Parameters {
		p := &d.Parameters[i]
		if i < len(params) {
			params[i].Name, p.Type = p.Name, typeWord(params[i].Type)
			if !p.Repeated {
				continue
			}
		}
		more.Name, p.Type = p.Name, typeWord(more.Type)
	}
	most := d.MaxArguments()
	return function.New(&function.Spec{
		Params:   params,
		VarParam: more,
		Type: func(args []cty.Value) (cty.Type, error) {
			if most >= 0 && len(args) > most {
				return cty.NilType, fmt.Errorf("%s takes at most %d arguments", d.Name, most)
			}
			return impl.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return impl.Call(args) },
	})
}

// returns is the type of the result when that of the arguments is not known.
func (d *FunctionDoc) returns() string {
	if d.Returns != "" {
		return d.Returns
	}
	var args []cty.Value
	for _, p := range d.impl.Params() {
		args = append(args, cty.UnknownVal(p.Type))
	}
	typ, err := d.impl.ReturnTypeForValues(args)
	if err != nil {
		return "any"
	}
	return typeWord(typ)
}

// typeWord is the name of a type in the reference.
func typeWord(t cty.Type) string {
	switch {
	case t == cty.DynamicPseudoType, t.IsCapsuleType():
		return "any"
	case t.IsListType() && t.ElementType() == cty.DynamicPseudoType:
		return "list"
	case t.IsMapType() && t.ElementType() == cty.DynamicPseudoType:
		return "map"
	case t.IsSetType() && t.ElementType() == cty.DynamicPseudoType:
		return "set"
	}
	return t.FriendlyName()
}

// Helpers for the families.

// textFunc is a function of strings, as many as there are parameters. A null argument is an error, as for the functions of go-cty.
func textFunc(result cty.Type, parameters int, f func(args []string) (cty.Value, error)) function.Function {
	return typedFunc(result, slices.Repeat([]cty.Type{cty.String}, parameters), nil, func(values []cty.Value) (cty.Value, error) {
		args := make([]string, len(values))
		for i, v := range values {
			args[i] = v.AsString()
		}
		return f(args)
	})
}

// typedFunc is a function of values that are not null; more is the type of the arguments that may follow, nil for none. The names of the
// parameters come from the signature.
func typedFunc(result cty.Type, params []cty.Type, more *cty.Type, f func(args []cty.Value) (cty.Value, error)) function.Function {
	spec := &function.Spec{
		Type: function.StaticReturnType(result),
		Impl: whenKnown(f),
	}
	for _, t := range params {
		spec.Params = append(spec.Params, function.Parameter{Name: "x", Type: t})
	}
	if more != nil {
		spec.VarParam = &function.Parameter{Name: "x", Type: *more}
	}
	return function.New(spec)
}

// whenKnown is for functions that look into their arguments. A value that is not known yet, such as a secret that is checked without its
// environment, makes a result that is not known.
func whenKnown(f func(args []cty.Value) (cty.Value, error)) function.ImplFunc {
	return func(args []cty.Value, result cty.Type) (cty.Value, error) {
		for _, arg := range args {
			if !arg.IsWhollyKnown() {
				return cty.UnknownVal(result), nil
			}
		}
		return f(args)
	}
}
