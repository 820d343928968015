package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
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
	secrets := how.secrets || a.GetSensitive()
	value, ok := l.partial(attr.Expr, secrets)
	if !ok {
		return field{rng: rng, written: true}, false
	}
	bare, secret := unmark(value)
	f := field{secret: secret || a.GetSensitive(), rng: rng, written: true}
	if secret && !secrets {
		l.error(rng, "Sensitive value would be shown", fmt.Sprintf("%q is written to logs. Use a variable that is not sensitive and has no env() or file() in its default: it can be set by POINTSMAN_VAR_<name> or --var.", a.GetName()))
		return f, false
	}
	if bare.IsNull() {
		f.value = bare
		return f, true
	}
	converted, wrong := convertTo(bare, a)
	if wrong != nil {
		l.error(rng, "Invalid value", fmt.Sprintf("%q must be %s", a.GetName(), wrong.text(f.secret)))
		return f, false
	}
	f.value = converted
	if !converted.IsWhollyKnown() {
		f.missing = missingIn(value)
		return f, true
	}
	if f.secret {
		l.warnLineBreak(a.GetName(), rng, converted)
	}
	return f, true
}

// warnLineBreak warns of a secret of one line that ends in a line break. file() cuts off one, as editors add it; more is a mistake
// that is hard to see. A text of several lines, such as a PEM key, may end as it likes.
func (l *loader) warnLineBreak(name string, rng hcl.Range, v cty.Value) {
	if v.IsNull() {
		return
	}
	if v.CanIterateElements() {
		for key, element := range v.Elements() {
			l.warnLineBreak(fmt.Sprintf("%s[%s]", name, elementKey(key)), rng, element)
		}
		return
	}
	if v.Type() != cty.String {
		return
	}
	text := v.AsString()
	line := strings.TrimRight(text, "\r\n")
	if line == text || strings.ContainsAny(line, "\r\n") {
		return
	}
	l.warn(rng, "Secret ends in a line break", fmt.Sprintf("%q has a line break at its end, which becomes part of the secret. Remove it; only one at the end of a file() is cut off.", name))
}

// mismatch is a value of the wrong type: the expected one, a description of the value, and perhaps what was meant.
type mismatch struct{ must, is, hint string }

func (m *mismatch) text(secret bool) string {
	if secret {
		return m.must + ". Its value is sensitive and not shown."
	}
	return m.must + ", not " + m.is + "." + m.hint
}

// warnLiteral warns of a secret that is written in the file.
func (l *loader) warnLiteral(attr *hclsyntax.Attribute) {
	rng := attr.Expr.Range()
	if f := l.diags.files[rng.Filename]; !literal(attr.Expr) || f != nil && f.hasFound(rng) {
		return
	}
	l.warn(rng, "Secret in the configuration file", fmt.Sprintf("%q is a secret written in plain text in the configuration file. Use env(\"NAME\") or file(\"path\").", attr.Name))
}

// elementKey is the index or the name of an element.
func elementKey(key cty.Value) string {
	if key.Type() == cty.Number {
		return key.AsBigFloat().String()
	}
	return key.AsString()
}

// literal reports whether an expression, or an element of a list, is a value written in the file.
func literal(expr hcl.Expression) bool {
	if items, diags := hcl.ExprList(expr); !diags.HasErrors() {
		return slices.ContainsFunc(items, literal)
	}
	if e, ok := expr.(hclsyntax.Expression); !ok || len(e.Variables()) > 0 || len(calls(e)) > 0 {
		return false
	}
	v, diags := expr.Value(nil)
	return !diags.HasErrors() && !v.IsNull() && (v.Type() != cty.String || v.AsString() != "")
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
		return `a duration such as "30s", "24h" or "7d"`
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
func convertTo(v cty.Value, a *pluginv1.Attribute) (cty.Value, *mismatch) {
	want := ctyType(a.GetType())
	if want != cty.DynamicPseudoType {
		converted, err := convertNumbers(v, want)
		if err != nil || converted.IsNull() || hasNull(converted) {
			return cty.NilVal, &mismatch{must: typeName(a), is: describeValue(v)}
		}
		v = converted
	}
	if !v.IsWhollyKnown() {
		return v, nil
	}
	if a.GetType() == pluginv1.Type_TYPE_DURATION {
		d, err := ParseDuration(v.AsString())
		if err != nil {
			return cty.NilVal, &mismatch{must: typeName(a), is: describeValue(v)}
		}
		if daysPattern.MatchString(v.AsString()) {
			v = cty.StringVal(d.String()) // a plugin knows no days
		}
	}
	return v, oneOf(v, a)
}

// hasNull reports whether a list or map has an element that is null.
func hasNull(v cty.Value) bool {
	return v.CanIterateElements() && v.IsKnown() && slices.ContainsFunc(v.AsValueSlice(), cty.Value.IsNull)
}

// oneOf checks a value, or each element of a list or map, against the values allowed.
func oneOf(v cty.Value, a *pluginv1.Attribute) *mismatch {
	values := []cty.Value{v}
	if v.CanIterateElements() {
		values = v.AsValueSlice()
	}
	for _, v := range values {
		s, err := convert.Convert(v, cty.String)
		if len(a.GetOneOf()) > 0 && (err != nil || s.IsNull() || !slices.Contains(a.GetOneOf(), s.AsString())) {
			m := &mismatch{must: "one of " + strings.Join(a.GetOneOf(), ", "), is: describeValue(v)}
			if err == nil && !s.IsNull() {
				m.hint = meant(s.AsString(), a.GetOneOf())
			}
			return m
		}
	}
	return nil
}

// describeValue returns a short value itself, otherwise its type.
func describeValue(v cty.Value) string {
	const longest = 40
	switch ty := v.Type(); {
	case !v.IsKnown() && ty != cty.DynamicPseudoType:
		return "a value of type " + ty.FriendlyName()
	case v.IsNull():
		return "null"
	case ty == cty.String && len(v.AsString()) <= longest:
		return fmt.Sprintf("%q", v.AsString())
	case ty == cty.String:
		return "a string"
	case ty == cty.Number:
		return v.AsBigFloat().Text('g', 10)
	case ty == cty.Bool:
		return fmt.Sprint(v.True())
	case hasNull(v):
		return "one with a null in it"
	case ty.IsTupleType(), ty.IsListType(), ty.IsSetType():
		return "a list"
	}
	return "an object"
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
