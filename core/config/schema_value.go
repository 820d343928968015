package config

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// field evaluates one attribute. The value is cty.NilVal when something it refers to is already in error.
func (l *loader) field(attr *hclsyntax.Attribute, a *pluginv1.Attribute, how decoding) (field, bool) {
	rng := attr.Expr.Range()
	if a.GetSensitive() {
		l.mask(rng)
		l.warnLiteral(attr)
	}
	value, ok := l.value(attr.Expr, how.secrets)
	if !ok {
		return field{rng: rng, written: true}, false
	}
	bare, secret := unmark(value)
	f := field{secret: secret || a.GetSensitive(), rng: rng, written: true}
	if secret && !how.secrets {
		l.error(rng, "Sensitive value where it would be shown", fmt.Sprintf("%q of %s is written to logs. Use a variable that is not sensitive and has no env() or file() in its default: it can be set by POINTSMAN_VAR_<name> or -var.", a.GetName(), how.what))
		return f, false
	}
	if bare.IsNull() {
		f.value = bare
		return f, true
	}
	converted, err := convertTo(bare, a)
	if err != nil {
		l.error(rng, "Invalid value", fmt.Sprintf("%q of %s: %v.", a.GetName(), how.what, valueError(err, f.secret)))
		return f, false
	}
	if err := oneOf(converted, a); err != nil {
		l.error(rng, "Invalid value", fmt.Sprintf("%q of %s: %v.", a.GetName(), how.what, valueError(err, f.secret)))
		return f, false
	}
	f.value = converted
	return f, true
}

// valueError keeps the value out of the text when it is a secret.
func valueError(err error, secret bool) error {
	if secret {
		return fmt.Errorf("the value is not allowed here; it is sensitive and so not shown")
	}
	return err
}

// warnLiteral warns of a secret that is written in the file.
func (l *loader) warnLiteral(attr *hclsyntax.Attribute) {
	if len(attr.Expr.Variables()) > 0 || hasCalls(attr.Expr) {
		return
	}
	if v, diags := attr.Expr.Value(nil); diags.HasErrors() || v.IsNull() || v.Type() == cty.String && v.AsString() == "" {
		return
	}
	l.warn(attr.Expr.Range(), "Secret in the configuration file", fmt.Sprintf("%q is sensitive and written in the file, where everyone sees it who sees the file. Write env(\"NAME\") or file(\"path\").", attr.Name))
}

// typeName names an attribute's type for people.
func typeName(a *pluginv1.Attribute) string {
	switch a.GetType() {
	case pluginv1.Type_TYPE_STRING:
		return "a string"
	case pluginv1.Type_TYPE_NUMBER:
		return "a number"
	case pluginv1.Type_TYPE_BOOL:
		return "true or false"
	case pluginv1.Type_TYPE_DURATION:
		return `a duration such as "30s"`
	case pluginv1.Type_TYPE_STRING_LIST:
		return "a list of strings"
	case pluginv1.Type_TYPE_STRING_MAP:
		return "a map of strings"
	}
	return "any value"
}

func ctyType(t pluginv1.Type) cty.Type {
	switch t {
	case pluginv1.Type_TYPE_STRING, pluginv1.Type_TYPE_DURATION:
		return cty.String
	case pluginv1.Type_TYPE_NUMBER:
		return cty.Number
	case pluginv1.Type_TYPE_BOOL:
		return cty.Bool
	case pluginv1.Type_TYPE_STRING_LIST:
		return cty.List(cty.String)
	case pluginv1.Type_TYPE_STRING_MAP:
		return cty.Map(cty.String)
	}
	return cty.DynamicPseudoType
}

// convertTo gives v an attribute's type. Numbers and bools become strings and strings that read as them become numbers
// and bools, as everywhere in HCL.
func convertTo(v cty.Value, a *pluginv1.Attribute) (cty.Value, error) {
	want := ctyType(a.GetType())
	if want == cty.DynamicPseudoType {
		return v, nil
	}
	converted, err := convert.Convert(v, want)
	if err != nil || converted.IsNull() {
		return cty.NilVal, fmt.Errorf("it must be %s, not %s", typeName(a), v.Type().FriendlyName())
	}
	if a.GetType() == pluginv1.Type_TYPE_DURATION {
		d, err := ParseDuration(converted.AsString())
		if err != nil {
			return cty.NilVal, fmt.Errorf("%q: %w", converted.AsString(), err)
		}
		if daysPattern.MatchString(converted.AsString()) {
			return cty.StringVal(d.String()), nil // a plugin knows no days
		}
	}
	if want.IsCollectionType() {
		for it := converted.ElementIterator(); it.Next(); {
			if _, e := it.Element(); e.IsNull() {
				return cty.NilVal, fmt.Errorf("it must be %s, and one of them is null", typeName(a))
			}
		}
	}
	return converted, nil
}

func oneOf(v cty.Value, a *pluginv1.Attribute) error {
	allowed := a.GetOneOf()
	if len(allowed) == 0 {
		return nil
	}
	values := []cty.Value{v}
	if v.CanIterateElements() {
		values = v.AsValueSlice()
	}
	for _, v := range values {
		s, err := convert.Convert(v, cty.String)
		if err != nil || s.IsNull() || !slices.Contains(allowed, s.AsString()) {
			given := "it"
			if err == nil && !s.IsNull() {
				given = fmt.Sprintf("%q", s.AsString())
				return fmt.Errorf("%s is not one of the allowed values.%s", given, trimDot(didYouMean(s.AsString(), allowed, "values")))
			}
			return fmt.Errorf("%s is not one of the allowed values", given)
		}
	}
	return nil
}

func defaultValue(a *pluginv1.Attribute) (cty.Value, error) {
	if ctyType(a.GetType()) == cty.DynamicPseudoType {
		var simple ctyjson.SimpleJSONValue
		err := json.Unmarshal([]byte(a.GetDefaultJson()), &simple)
		return simple.Value, err
	}
	return ctyjson.Unmarshal([]byte(a.GetDefaultJson()), ctyType(a.GetType()))
}

// tree is the object as a JSON value, with secrets when reveal is set.
func (o *object) tree(reveal bool) map[string]any {
	t := map[string]any{}
	for name, f := range o.fields {
		if f.secret && !reveal {
			t[name] = redacted
			continue
		}
		t[name] = ctyjson.SimpleJSONValue{Value: f.value}
	}
	for _, b := range o.schema.GetBlocks() {
		found := o.blocks[b.GetName()]
		if b.GetMany() && found != nil {
			list := []any{}
			for _, inner := range found {
				list = append(list, inner.tree(reveal))
			}
			t[b.GetName()] = list
		} else if len(found) == 1 {
			t[b.GetName()] = found[0].tree(reveal)
		}
	}
	return t
}

// json is the object as its plugin or source gets it.
func (o *object) json() ([]byte, error) { return json.Marshal(o.tree(true)) }
