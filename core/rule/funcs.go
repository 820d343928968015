package rule

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/pointsman/pointsman/core/config"
)

// call is a function call whose name and number of arguments are checked.
type call struct {
	at   *position
	name string
	fn   function.Function
	args []*expr
	// spread: the last argument is a list whose elements are arguments, as many as the event has.
	spread bool
	most   int // arguments, -1 when there is no limit
	weight int // see weights
	// free: a guard relies on it that the call costs no work. The length of the rule bounds how often it is evaluated.
	free bool
}

// call compiles name(args...). Functions that are not in builtins are called through go-cty, with converted values.
func (c *compiler) call(e *hclsyntax.FunctionCallExpr) *expr {
	fn, ok := c.function(e)
	if catches(e.Name) {
		c.trying++
		defer func() { c.trying-- }()
	}
	args := make([]*expr, len(e.Args))
	for i, arg := range e.Args {
		if args[i] = c.compile(arg); args[i] == nil {
			ok = false
		}
	}
	if !ok {
		return nil
	}
	k := &call{at: c.at(e.Range()), name: e.Name, fn: fn, args: args, most: maxArguments(e.Name), weight: max(1, weights[e.Name])}
	if e.ExpandFinal && catches(e.Name) {
		c.errorf(*args[len(args)-1].rng(), k.at.rng, "Invalid function argument", "%s takes expressions one by one, not a list of them.", e.Name)
		return nil
	}
	if e.ExpandFinal && !c.expand(k) || !k.spread && !c.arity(k, e) {
		return nil
	}
	if builtin := builtins[e.Name]; builtin != nil && !k.spread {
		return builtin(c, k)
	}
	if k.spread && e.Name == "coalesce" {
		return coalesceList(k)
	}
	return c.general(k)
}

func (c *compiler) function(e *hclsyntax.FunctionCallExpr) (function.Function, bool) {
	var known []string
	for scope := c.scope; scope != nil; scope = scope.Parent() {
		if fn, ok := scope.Functions[e.Name]; ok {
			return fn, true
		}
		known = slices.AppendSeq(known, maps.Keys(scope.Functions))
	}
	if f, _ := config.FunctionNamed(e.Name); f.Secret {
		c.errorf(e.NameRange, e.Range(), "Sensitive value in a rule", "%s() returns a secret. The results of a rule are stored in the journal and shown: "+
			"it would be logged. Give secrets to a plugin in its settings block.", e.Name)
		return function.Function{}, false
	}
	hint := config.SuggestFunction(e.Name, known)
	if here := meantBy(meantFunctions, e.Name); here != "" {
		hint = here
	}
	c.errorf(e.NameRange, e.Range(), "Unknown function", "There is no function %q.%s", e.Name, hint)
	return function.Function{}, false
}

// expand replaces the list of f(list...) by its elements where they can be counted.
func (c *compiler) expand(k *call) bool {
	last := k.args[len(k.args)-1]
	switch {
	case last.items != nil:
		k.args = append(k.args[:len(k.args)-1], last.items...)
	case last.constant != nil && last.constant.kind == list:
		k.args = k.args[:len(k.args)-1]
		for i, item := range last.constant.items() {
			typ := elementType(last.typ)
			if last.typ.IsTupleType() {
				typ = last.typ.TupleElementType(i)
			}
			k.args = append(k.args, constExpr(last.at, typeOf(item, typ), item))
		}
	case last.isNull() || !last.dynamic() && !isList(last.typ):
		c.errorf(*last.rng(), k.at.rng, "Wrong type", "The value before ... must be a list, but this is %s.", typeName(last.typ))
		return false
	default:
		k.spread = true
	}
	return true
}

func (c *compiler) arity(k *call, e *hclsyntax.FunctionCallExpr) bool {
	params, most := k.fn.Params(), k.most
	switch n := len(k.args); {
	case n < len(params):
		c.errorf(e.CloseParenRange, k.at.rng, "Not enough function arguments", "%s needs the argument %q.", k.name, params[n].Name)
	case most >= 0 && n > most:
		c.errorf(*k.args[most].rng(), k.at.rng, "Too many function arguments", "%s takes %s.", k.name, takes(len(params), most))
	default:
		return true
	}
	return false
}

func (k *call) param(i int) *function.Parameter {
	if params := k.fn.Params(); i < len(params) {
		return &params[i]
	}
	return k.fn.VarParam()
}

func maxArguments(name string) int {
	doc, _ := config.FunctionNamed(name)
	return doc.MaxArguments()
}

// takes says how many arguments a function has.
func takes(least, most int) string {
	if least == most {
		return fmt.Sprintf("%d argument(s)", most)
	}
	return fmt.Sprintf("at most %d arguments", most)
}

// role names an argument in diagnostics.
func (k *call) role(i int) string {
	return fmt.Sprintf("the argument %q of %s", k.param(i).Name, k.name)
}

// general calls the function itself.
func (c *compiler) general(k *call) *expr {
	typ, ok := cty.DynamicPseudoType, true
	if !k.spread {
		typ, ok = c.checkCall(k)
	}
	if !ok {
		return nil
	}
	return valueExpr(k.at, typ, func(f *frame) value {
		args, positions := k.values(f)
		if f.err != nil {
			return value{}
		}
		return f.call(k, args, positions)
	})
}

// checkCall checks types and returns that of the result.
func (c *compiler) checkCall(k *call) (cty.Type, bool) {
	args, ok := make([]cty.Value, len(k.args)), true
	for i, arg := range k.args {
		param := k.param(i)
		switch {
		case arg.isNull() && param.AllowNull:
			args[i] = cty.NullVal(param.Type)
			continue
		case arg.isNull() || param.Type.IsPrimitiveType():
			want := param.Type
			if !c.convertible(arg, want, k.role(i)) {
				ok = false
				continue
			}
		case !arg.dynamic() && param.Type != cty.DynamicPseudoType && !arg.typ.Equals(param.Type) && convert.GetConversionUnsafe(arg.typ, param.Type) == nil:
			c.errorf(*arg.rng(), k.at.rng, "Wrong type", "%s must be %s, but this is %s.", sentence(k.role(i)), typeName(param.Type), typeName(arg.typ))
			ok = false
			continue
		}
		args[i] = unknown(arg, param.Type)
	}
	if !ok {
		return cty.NilType, false
	}
	typ, err := k.fn.ReturnTypeForValues(args)
	if err != nil && c.trying > 0 {
		return cty.DynamicPseudoType, true
	}
	if err != nil {
		c.callError(k, err)
		return cty.NilType, false
	}
	return typ, true
}

// unknown returns a placeholder for type checking; a constant argument is passed as it is.
func unknown(arg *expr, param cty.Type) cty.Value {
	if arg.constant != nil {
		if v, err := convert.Convert(toCty(*arg.constant), param); err == nil {
			return v
		}
	}
	if param == cty.DynamicPseudoType {
		return cty.UnknownVal(arg.typ)
	}
	return cty.UnknownVal(param)
}

func (c *compiler) callError(k *call, err error) {
	subject, problem := k.at.rng, k.name
	var arg function.ArgError
	if errors.As(err, &arg) && arg.Index < len(k.args) {
		subject, problem = *k.args[arg.Index].rng(), k.role(arg.Index)
	}
	c.errorf(subject, k.at.rng, "Invalid function argument", "%s: %s.", sentence(problem), err)
}

// values evaluates the arguments and returns the position of each.
func (k *call) values(f *frame) (args []value, positions []*position) {
	for i, arg := range k.args {
		v := arg.val(f)
		if !k.spread || i < len(k.args)-1 {
			args, positions = append(args, v), append(positions, arg.at)
			continue
		}
		if v.kind != list {
			f.fail(arg.at, "the value before ... must be a list, but is %s", v.kind)
		}
		for _, item := range v.items() {
			args, positions = append(args, item), append(positions, arg.at)
		}
	}
	return args, positions
}

func (f *frame) call(k *call, args []value, positions []*position) value {
	if params, most := len(k.fn.Params()), k.most; len(args) < params || most >= 0 && len(args) > most {
		f.fail(k.at, "%s takes %s, not %d", k.name, takes(params, most), len(args))
		return value{}
	}
	// Some functions of go-cty compare the types of all arguments with each other.
	if k.spread && !f.spend(k.at, len(args)*len(args)/pairsWork) {
		return value{}
	}
	converted := make([]cty.Value, len(args))
	for i, arg := range args {
		if !f.spend(k.at, ctyWork(arg)*k.weight) {
			return value{}
		}
		param := k.param(i)
		if arg.kind == null && !param.AllowNull {
			f.fail(positions[i], "%s is null%s", k.role(i), nullAdvice)
			return value{}
		}
		if n, ok := arg.toNumber(); ok && param.Type == cty.Number {
			arg = numberValue(n)
		} else if param.Type == cty.Number { // go-cty would read numbers of any size
			f.failConvert(positions[i], arg, k.role(i), "a number")
			return value{}
		}
		v, err := toParam(arg, param.Type)
		if err != nil {
			f.fail(positions[i], "%s: %s: %s", k.role(i), err, show(arg))
			return value{}
		}
		converted[i] = v
	}
	return f.callConverted(k, args, converted, positions)
}

// toParam converts an argument. go-cty would compare the types of all elements of a list with each other, which takes a minute for a long
// list.
func toParam(v value, want cty.Type) (cty.Value, error) {
	if v.kind != list || !want.Equals(cty.List(cty.String)) {
		return convert.Convert(toCty(v), want)
	}
	var texts []cty.Value
	for item := range v.elements() {
		s, ok := item.toText()
		switch {
		case item.kind == null:
			texts = append(texts, cty.NullVal(cty.String))
		case !ok:
			return cty.NilVal, fmt.Errorf("element %d must be a string, but is %s", len(texts), item.kind)
		default:
			texts = append(texts, cty.StringVal(s))
		}
	}
	if texts == nil {
		return cty.ListValEmpty(cty.String), nil
	}
	return cty.ListVal(texts), nil
}

func (f *frame) callConverted(k *call, args []value, converted []cty.Value, positions []*position) value {
	result, err := k.fn.Call(converted)
	var arg function.ArgError
	switch {
	case errors.As(err, &arg) && arg.Index < len(args):
		f.fail(positions[arg.Index], "%s: %s; it is %s", k.role(arg.Index), err, show(args[arg.Index]))
		return value{}
	case err != nil:
		f.fail(k.at, "%s: %s", k.name, err)
		return value{}
	}
	result, _ = result.UnmarkDeep()
	if !result.IsWhollyKnown() {
		f.fail(k.at, "%s returned no value", k.name)
		return value{}
	}
	v, err := fromCty(result)
	if err != nil {
		f.fail(k.at, "%s: %s", k.name, err)
	}
	f.spend(k.at, ctyWork(v))
	return v
}
