package config

import (
	"errors"
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/pointsman/pointsman/core/jsondoc"
)

// Functions that read numbers from text. go-cty's own compute 1e99999999 digit by digit, so texts are checked before.
var (
	toNumberFunc   = checked(stdlib.MakeToFunc(cty.Number), checkNumber)
	jsonDecodeFunc = checked(stdlib.JSONDecodeFunc, checkJSON)
	formatFunc     = checked(stdlib.FormatFunc, checkFormat)
)

// checked calls fn for arguments that pass. The texts are those of the arguments that are strings and known, "" for others.
func checked(fn function.Function, check func(texts []string) error) function.Function {
	return function.New(&function.Spec{
		Params:   fn.Params(),
		VarParam: fn.VarParam(),
		// Call asks for the type first, so this is the one place for the check.
		Type: func(args []cty.Value) (cty.Type, error) {
			texts := make([]string, len(args))
			for i, arg := range args {
				if arg, _ = arg.Unmark(); arg.Type() == cty.String && arg.IsKnown() && !arg.IsNull() {
					texts[i] = arg.AsString()
				}
			}
			if err := check(texts); err != nil {
				return cty.NilType, err
			}
			return fn.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return fn.Call(args) },
	})
}

func checkNumber(texts []string) error {
	if outOfRange(texts[0]) {
		return function.NewArgError(0, errOutOfRange)
	}
	return nil
}

func checkJSON(texts []string) error {
	if texts[0] == "" {
		return nil
	}
	if err := new(jsondoc.Document).Parse(texts[0]); err != nil {
		return function.NewArgError(0, err)
	}
	return nil
}

// formatVerb matches what format replaces: %d, %.1f, %[1]s, and %%, which takes no argument.
var formatVerb = regexp.MustCompile(`%%|%[^%a-zA-Z]*[a-zA-Z]`)

// checkFormat checks the arguments that format converts to numbers. A text for %s may look like any number.
func checkFormat(texts []string) error {
	arg := 0
	for _, verb := range formatVerb.FindAllString(texts[0], -1) {
		if verb == "%%" {
			continue
		}
		arg++
		numeric := strings.Contains("bcdoxXeEfFgG", verb[len(verb)-1:])
		for i, s := range texts[1:] {
			if numeric && (i+1 == arg || strings.Contains(texts[0], "[")) && outOfRange(s) { // %[1]d may mean any argument
				return function.NewArgError(i+1, errOutOfRange)
			}
		}
	}
	return nil
}

var (
	errOutOfRange = errors.New("the number is out of range")
	// numberText is what go-cty reads as one. An exponent may also be one of two: 1p9.
	numberText = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eEpP][+-]?\d+)?$`)
)

func outOfRange(s string) bool {
	return numberText.MatchString(s) && (strings.ContainsAny(s, "pP") || !jsondoc.InRange(s))
}
