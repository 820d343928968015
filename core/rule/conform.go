package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/pointsman/pointsman/core/config"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// The types of a plugin's schema: what an expression must be at load, and a value at run time.

var argumentTypes = map[pluginv1.Type]struct {
	name string
	typ  cty.Type
}{
	pluginv1.Type_TYPE_STRING:      {"a string", cty.String},
	pluginv1.Type_TYPE_NUMBER:      {"a number", cty.Number},
	pluginv1.Type_TYPE_BOOL:        {"a bool", cty.Bool},
	pluginv1.Type_TYPE_DURATION:    {`a duration such as "30s"`, cty.String},
	pluginv1.Type_TYPE_STRING_LIST: {"a list of strings", cty.List(cty.String)},
	pluginv1.Type_TYPE_STRING_MAP:  {"a map of strings", cty.Map(cty.String)},
}

// accepts reports an error unless x may have a value of the attribute's type.
func (c *compiler) accepts(a *pluginv1.Attribute, x *expr) bool {
	want, ok := argumentTypes[a.GetType()]
	role := fmt.Sprintf("the argument %q", a.GetName())
	switch {
	case x == nil:
		return false
	case !ok || x.dynamic(): // an argument of any type, or null, or known only with the event
		return true
	case want.typ.IsPrimitiveType():
		return c.convertible(x, want.typ, role)
	case want.typ.IsListType() && isList(x.typ) && textual(x.typ), want.typ.IsMapType() && isObject(x.typ) && textual(x.typ):
		return true
	}
	is := typeName(x.typ)
	if want.typ.IsListType() && isList(x.typ) || want.typ.IsMapType() && isObject(x.typ) {
		is += " that holds other things"
	}
	c.errorf(*x.rng(), *x.rng(), "Wrong type", "%s must be %s, but this is %s.", sentence(role), want.name, is)
	return false
}

// textual reports whether all elements of a list or map may be strings.
func textual(t cty.Type) bool {
	ok := func(t cty.Type) bool { return t == cty.DynamicPseudoType || t.IsPrimitiveType() }
	switch {
	case t.IsTupleType():
		return !slices.ContainsFunc(t.TupleElementTypes(), func(t cty.Type) bool { return !ok(t) })
	case t.IsObjectType():
		for _, at := range t.AttributeTypes() {
			if !ok(at) {
				return false
			}
		}
		return true
	}
	return ok(t.ElementType())
}

// conform converts v, which is not null, to the attribute's type. problem is empty if it can be converted.
func conform(a *pluginv1.Attribute, v value) (value, string) {
	switch a.GetType() {
	case pluginv1.Type_TYPE_STRING, pluginv1.Type_TYPE_DURATION:
		return conformText(a, v)
	case pluginv1.Type_TYPE_NUMBER:
		if n, ok := v.toNumber(); ok {
			return numberValue(n), notOneOf(a, n.String())
		}
	case pluginv1.Type_TYPE_BOOL:
		if b, ok := v.toBool(); ok {
			return boolValue(b), ""
		}
	case pluginv1.Type_TYPE_STRING_LIST:
		if v.kind == list {
			items, problem := conformTexts(a, v.items())
			return listValue(items), problem
		}
	case pluginv1.Type_TYPE_STRING_MAP:
		if v.kind == object {
			members := v.members()
			values, problem := conformTexts(a, members.values)
			return objectValue(members.names, values), problem
		}
	default:
		return v, ""
	}
	return v, mismatch(a, v)
}

func conformText(a *pluginv1.Attribute, v value) (value, string) {
	s, ok := v.toText()
	if !ok {
		return v, mismatch(a, v)
	}
	if a.GetType() == pluginv1.Type_TYPE_DURATION {
		d, err := config.ParseDuration(s)
		if err != nil {
			return v, fmt.Sprintf("%s: %s", show(v), err)
		}
		if strings.Contains(s, "d") {
			s = d.String() // a plugin knows no days
		}
	}
	return textValue(s), notOneOf(a, s)
}

func conformTexts(a *pluginv1.Attribute, values []value) ([]value, string) {
	texts := make([]value, len(values))
	for i, v := range values {
		s, ok := v.toText()
		if !ok {
			return values, fmt.Sprintf("the argument %q must be %s, but one of them is %s", a.GetName(), argumentTypes[a.GetType()].name, show(v))
		}
		if problem := notOneOf(a, s); problem != "" {
			return values, problem
		}
		texts[i] = textValue(s)
	}
	return texts, ""
}

func mismatch(a *pluginv1.Attribute, v value) string {
	return fmt.Sprintf("the argument %q must be %s, but is %s: %s", a.GetName(), argumentTypes[a.GetType()].name, v.kind, show(v))
}

func notOneOf(a *pluginv1.Attribute, s string) string {
	allowed := a.GetOneOf()
	if len(allowed) == 0 || slices.Contains(allowed, s) {
		return ""
	}
	return fmt.Sprintf("the argument %q cannot be %s.%s", a.GetName(), show(textValue(s)),
		strings.TrimSuffix(didYouMean(s, slices.Clone(allowed)), "."))
}
