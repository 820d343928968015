package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/pointsman/pointsman/core/jsondoc"
)

// Functions whose time or memory depends on the content of their arguments. go-cty does not bound them: it computes 1e99999999
// digit by digit, and pads to any width. So the arguments are checked before the call.
var (
	toNumberFunc   = checked(stdlib.MakeToFunc(cty.Number), checkNumber)
	jsonDecodeFunc = checked(stdlib.JSONDecodeFunc, checkJSON)
	formatFunc     = checked(stdlib.FormatFunc, checkFormat)
	joinFunc       = checked(stdlib.JoinFunc, checkJoin)
	replaceFunc    = checked(stdlib.ReplaceFunc, checkReplace)
)

// maxResultBytes bounds the result of functions whose result may be as long as their arguments multiplied.
const maxResultBytes = 16 << 20

var (
	errOutOfRange    = errors.New("the number is out of range")
	errResultTooLong = errors.New("the result would be longer than 16 MiB")
)

// checked calls fn for arguments that pass the check.
func checked(fn function.Function, check func(args []cty.Value) error) function.Function {
	return function.New(&function.Spec{
		Params:   fn.Params(),
		VarParam: fn.VarParam(),
		// Call asks for the type first, so this is the one place for the check.
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := check(args); err != nil {
				return cty.NilType, err
			}
			return fn.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return fn.Call(args) },
	})
}

// knownText returns the text of a known string, and "" for anything else.
func knownText(v cty.Value) string {
	if v, _ = v.Unmark(); v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
		return v.AsString()
	}
	return ""
}

func checkNumber(args []cty.Value) error {
	if outOfRange(knownText(args[0])) {
		return function.NewArgError(0, errOutOfRange)
	}
	return nil
}

func checkJSON(args []cty.Value) error {
	text := knownText(args[0])
	if text == "" {
		return nil
	}
	if err := new(jsondoc.Document).Parse(text); err != nil {
		return function.NewArgError(0, err)
	}
	return nil
}

// checkNumbers rejects numbers that an expression has computed and that would be too long to write out.
func checkNumbers(args []cty.Value) error {
	for i, arg := range args {
		if !numbersInRange(arg) {
			return function.NewArgError(i, errOutOfRange)
		}
	}
	return nil
}

// formatVerb matches what format replaces: %d, %.1f, %[1]s, and %%, which takes no argument.
var formatVerb = regexp.MustCompile(`%%|%[^%a-zA-Z]*[a-zA-Z]`)

// Limits of a format string, which may come from an event. Each verb may repeat a long argument, so their number counts too.
const (
	maxFormatVerbs = 100
	maxFormatWidth = 1000
)

// checkFormat bounds the length of the result, and checks the arguments that format converts to numbers. A text for %s may look like
// any number.
func checkFormat(args []cty.Value) error {
	spec := knownText(args[0])
	arg := 0
	for _, verb := range formatVerb.FindAllString(spec, -1) {
		if verb == "%%" {
			continue
		}
		if arg++; arg > maxFormatVerbs {
			return function.NewArgErrorf(0, "a format may have at most %d verbs", maxFormatVerbs)
		}
		if tooWide(verb) {
			return function.NewArgErrorf(0, "a width or precision may be at most %d", maxFormatWidth)
		}
		if !strings.Contains("bcdoxXeEfFgG", verb[len(verb)-1:]) {
			continue
		}
		for i := range args[1:] {
			if (i+1 == arg || strings.Contains(spec, "[")) && outOfRange(knownText(args[i+1])) { // %[1]d may mean any argument
				return function.NewArgError(i+1, errOutOfRange)
			}
		}
	}
	return nil
}

var digits = regexp.MustCompile(`\d+`)

func tooWide(verb string) bool {
	for _, number := range digits.FindAllString(verb, -1) {
		if n, err := strconv.Atoi(number); err != nil || n > maxFormatWidth {
			return true
		}
	}
	return false
}

// checkJoin bounds the length of the separators; that of the elements is at most the length of the lists.
func checkJoin(args []cty.Value) error {
	elements := 0
	for _, list := range args[1:] {
		if list, _ = list.Unmark(); list.IsKnown() && !list.IsNull() {
			elements += list.LengthInt()
		}
	}
	if len(knownText(args[0]))*elements > maxResultBytes {
		return errResultTooLong
	}
	return nil
}

func checkReplace(args []cty.Value) error {
	text, old, replacement := knownText(args[0]), knownText(args[1]), knownText(args[2])
	if strings.Count(text, old)*len(replacement) > maxResultBytes {
		return errResultTooLong
	}
	return nil
}

// numberText matches what go-cty reads as a number. An exponent may also be one of two: 1p9.
var numberText = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eEpP][+-]?\d+)?$`)

func outOfRange(s string) bool {
	return numberText.MatchString(s) && (strings.ContainsAny(s, "pP") || !jsondoc.InRange(s))
}

// numbersInRange reports whether every number in v can be written out.
func numbersInRange(v cty.Value) bool {
	ok := true
	v, _ = unmark(v)
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) { // the function returns no error
		if v.Type() == cty.Number && v.IsKnown() && !v.IsNull() {
			ok = ok && jsondoc.FloatInRange(v.AsBigFloat())
		}
		return ok, nil
	})
	return ok
}

// textsInRange reports whether every text in v that reads as a number can be converted to one.
func textsInRange(v cty.Value) bool {
	ok := true
	v, _ = unmark(v)
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) { // the function returns no error
		ok = ok && !outOfRange(knownText(v))
		return ok, nil
	})
	return ok
}

// operandsInRange checks the texts that operators convert to numbers. HCL converts without a limit, and a template around the operator
// would write the number out. An operand that needs the variable of a for expression has no value here; the variable may be any text
// that the expression refers to.
func (l *loader) operandsInRange(expr hclsyntax.Expression, ctx *hcl.EvalContext) bool {
	ok := true
	check := func(operand hclsyntax.Expression) {
		for parens, ok := operand.(*hclsyntax.ParenthesesExpr); ok; parens, ok = operand.(*hclsyntax.ParenthesesExpr) {
			operand = parens.Expression
		}
		switch operand.(type) {
		case *hclsyntax.BinaryOpExpr, *hclsyntax.UnaryOpExpr:
			return // not a text
		}
		v, diags := operand.Value(ctx)
		if diags.HasErrors() {
			v = cty.TupleVal([]cty.Value{ctx.Variables["var"], ctx.Variables["local"]})
		}
		if !textsInRange(v) {
			l.error(operand.Range(), "Number out of range", numberLimits)
			ok = false
		}
	}
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics { // the function reports nothing
		switch e := n.(type) {
		case *hclsyntax.BinaryOpExpr:
			if e.Op != hclsyntax.OpEqual && e.Op != hclsyntax.OpNotEqual {
				check(e.LHS)
				check(e.RHS)
			}
		case *hclsyntax.UnaryOpExpr:
			check(e.Val)
		}
		return nil
	})
	return ok
}

// numberLimits explains errors about numbers.
var numberLimits = fmt.Sprintf("A number may have at most %d digits and the magnitude of a float64.", jsondoc.MaxDigits)
