package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/pointsman/pointsman/core/jsondoc"
)

// variableEnv is the prefix of environment variables that set variables.
const variableEnv = "POINTSMAN_VAR_"

var variableTypes = map[string]cty.Type{
	"string": cty.String, "number": cty.Number, "bool": cty.Bool, "list": cty.List(cty.String),
}

func article(ty cty.Type) string {
	switch ty {
	case cty.Number:
		return fmt.Sprintf("a number of at most %d digits and the magnitude of a float64", jsondoc.MaxDigits)
	case cty.Bool:
		return "true or false"
	case cty.String:
		return "a string"
	}
	return `a list of strings, as ["a", "b"] or a,b`
}

// decodeVariables determines the value of every variable.
func (l *loader) decodeVariables(blocks []*hclsyntax.Block) {
	seen := map[string]*hclsyntax.Block{}
	for _, b := range blocks {
		name := b.Labels[0]
		if !hclsyntax.ValidIdentifier(name) {
			l.error(b.LabelRanges[0], "Invalid name", fmt.Sprintf("%q is not a name: it must begin with a letter, and may have letters, digits, _ and - after it.", name))
			continue
		}
		if l.unique(b, name, seen) {
			l.vars[name] = l.variable(name, b)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.options.Variables)) {
		if _, ok := seen[name]; !ok {
			l.diags.Append(&hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Unknown variable",
				Detail: fmt.Sprintf("--var gives a value to %q, and no file has that variable.%s", name, didYouMean(name, slices.Collect(maps.Keys(seen)), "variables")),
			})
		}
	}
}

// variable is one variable's value, or cty.DynamicVal when it has none; that is then reported.
func (l *loader) variable(name string, b *hclsyntax.Block) cty.Value {
	hidden := l.isSensitive(b)
	defaultAttr := b.Body.Attributes["default"]
	if hidden && defaultAttr != nil {
		l.mask(defaultAttr.Expr.Range())
		l.warnLiteral(defaultAttr)
	}
	if defaultAttr != nil && !l.standsAlone(defaultAttr) {
		return cty.DynamicVal
	}
	ty, typeOK := l.variableType(b)
	o, ok := l.object(b.Body, variableSchema, decoding{what: fmt.Sprintf("Variable %q", name), secrets: true, rng: b.DefRange(), skip: []string{"type"}})
	if !ok || !typeOK {
		return cty.DynamicVal
	}
	f, hasDefault := o.fields["default"]
	if unknown, ok := o.unknown["default"]; ok {
		f, hasDefault = unknown, true
	}
	if text, from, given := l.given(name); given {
		if ty == cty.NilType {
			ty = defaultType(f, hasDefault)
		}
		v, err := parseVariable(text, ty)
		if err != nil {
			l.error(b.DefRange(), "Invalid value for variable", fmt.Sprintf("The value of %q from %s must be %s.", name, from, article(ty)))
			return cty.DynamicVal
		}
		return markIf(v, hidden)
	}
	if !hasDefault {
		if ty == cty.NilType {
			ty = defaultType(f, hasDefault)
		}
		return markIf(l.withoutValue(name, b, ty), hidden)
	}
	return markIf(l.defaultOf(name, f, ty), hidden || f.secret).WithMarks(f.missing)
}

// withoutValue is a variable that nothing gives a value to.
func (l *loader) withoutValue(name string, b *hclsyntax.Block, ty cty.Type) cty.Value {
	gone := missing{summary: "Variable without a value", detail: fmt.Sprintf("Set %s%s, or --var %s=..., or give it a default.", variableEnv, name, name)}
	if !l.options.Offline {
		l.error(b.DefRange(), gone.summary, gone.detail)
		return cty.DynamicVal
	}
	l.warnMissing(b.DefRange(), gone)
	return cty.UnknownVal(ty).Mark(gone)
}

// defaultOf is a variable's default in the type that it declares, if it does.
func (l *loader) defaultOf(name string, f field, ty cty.Type) cty.Value {
	if ty == cty.NilType {
		return f.value
	}
	v, err := convertNumbers(f.value, ty)
	if err != nil {
		l.error(f.rng, "Invalid default", fmt.Sprintf("The default of %q must be %s.", name, article(ty)))
		return cty.DynamicVal
	}
	return v
}

// isSensitive reads `sensitive` before anything else: it decides what may be shown of the block.
func (l *loader) isSensitive(b *hclsyntax.Block) bool {
	attr := b.Body.Attributes["sensitive"]
	if attr == nil {
		return false
	}
	v, diags := attr.Expr.Value(nil)
	if diags.HasErrors() || v.IsNull() || v.Type() != cty.Bool {
		return true // the author meant to hide the value
	}
	return v.True()
}

// standsAlone reports a default that refers to another value: variables come first.
func (l *loader) standsAlone(attr *hclsyntax.Attribute) bool {
	for _, t := range attr.Expr.Variables() {
		if root := t.RootName(); root == "var" || root == "local" {
			l.error(t.SourceRange(), "Default refers to another value", "The default of a variable cannot use variables or locals. Make a local of it: locals may use both.")
			return false
		}
	}
	return true
}

// variableType reads `type = string`: a keyword and not an expression. NilType: not written.
func (l *loader) variableType(b *hclsyntax.Block) (cty.Type, bool) {
	attr := b.Body.Attributes["type"]
	if attr == nil {
		return cty.NilType, true
	}
	ty, ok := variableTypes[hcl.ExprAsKeyword(attr.Expr)]
	if !ok {
		l.error(attr.Expr.Range(), "Unknown type", "The type of a variable is string, number, bool or list (of strings), without quotes.")
	}
	return ty, ok
}

// given is a variable's value from outside of the files, and where it came from.
func (l *loader) given(name string) (text, from string, ok bool) {
	if text, ok := l.options.Variables[name]; ok {
		return text, "--var", true
	}
	text, ok = l.options.Env(variableEnv + name)
	return text, variableEnv + name, ok
}

// defaultType is the type that a value from outside gets when the variable declares none.
func defaultType(f field, hasDefault bool) cty.Type {
	if !hasDefault {
		return cty.String
	}
	switch ty := f.value.Type(); {
	case ty == cty.Number, ty == cty.Bool:
		return ty
	case ty.IsTupleType(), ty.IsListType(), ty.IsSetType():
		return cty.List(cty.String)
	}
	return cty.String
}

// parseVariable reads a value from the command line or the environment. A list is a JSON array of strings, or strings
// separated by commas.
func parseVariable(text string, ty cty.Type) (cty.Value, error) {
	if !ty.IsListType() {
		return convertNumbers(cty.StringVal(text), ty)
	}
	var items []string
	if strings.HasPrefix(strings.TrimSpace(text), "[") {
		if err := json.Unmarshal([]byte(text), &items); err != nil {
			return cty.NilVal, fmt.Errorf("read list: %w", err)
		}
	} else if strings.TrimSpace(text) != "" {
		items = strings.Split(text, ",")
	}
	values := make([]cty.Value, 0, len(items))
	for _, item := range items {
		values = append(values, cty.StringVal(strings.TrimSpace(item)))
	}
	if len(values) == 0 {
		return cty.ListValEmpty(cty.String), nil
	}
	return cty.ListVal(values), nil
}

// convertNumbers is convert.Convert that rejects numbers out of range.
func convertNumbers(v cty.Value, ty cty.Type) (cty.Value, error) {
	converted, err := convert.Convert(v, ty)
	if err == nil && !numbersInRange(converted) {
		err = errOutOfRange
	}
	return converted, err
}

func markIf(v cty.Value, hidden bool) cty.Value {
	if hidden {
		return mark(v)
	}
	return v
}
