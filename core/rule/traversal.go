package rule

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/pointsman/pointsman/core/config"
)

// scopeTraversal compiles a name and the steps behind it: event.data.action, local.names["x"], a loop variable.
func (c *compiler) scopeTraversal(e *hclsyntax.ScopeTraversalExpr) *expr {
	root := e.Traversal[0].(hcl.TraverseRoot)
	for _, v := range slices.Backward(c.loops) {
		if v.name == root.Name && v.symbol == nil {
			c.reads++
			return c.steps(v.expr.placed(c.at(root.SrcRange)), e.Traversal[1:])
		}
	}
	if root.Name == "event" {
		c.reads++
		return c.steps(c.event.placed(c.at(root.SrcRange)), e.Traversal[1:])
	}
	for scope := c.scope; scope != nil; scope = scope.Parent() {
		if v, ok := scope.Variables[root.Name]; ok {
			return c.scopeValue(v, e)
		}
	}
	c.errorf(root.SrcRange, e.SrcRange, "Unknown name", "There is no %q here.%s", root.Name, c.suggestName(root.Name))
	return nil
}

// suggestName recognizes a field of the event that is written without "event.".
func (c *compiler) suggestName(name string) string {
	for _, m := range []*expr{c.event, c.event.fields.field("data")} {
		if m.fields != nil && m.fields.field(name) != nil {
			return fmt.Sprintf(" Did you mean %q?", m.fields.path+"."+name)
		}
	}
	if here := meantBy(meantNames, name); here != "" {
		return here
	}
	if path := c.event.fields.elsewhere(name); path != "" {
		return fmt.Sprintf(" Did you mean %q?", path)
	}
	return didYouMean(name, c.names())
}

// scopeValue follows the steps as far as they lead through objects, so that one secret does not hide its neighbours.
func (c *compiler) scopeValue(v cty.Value, e *hclsyntax.ScopeTraversalExpr) *expr {
	for i, step := range e.Traversal[1:] {
		name, ok := stepName(step)
		if !ok || v.IsMarked() || !v.IsKnown() || v.IsNull() || !v.Type().IsObjectType() {
			at := hcl.RangeBetween(e.Traversal[0].SourceRange(), e.Traversal[i].SourceRange())
			return c.steps(c.constant(v, at), e.Traversal[i+1:])
		}
		if !v.Type().HasAttribute(name) {
			return c.steps(c.unknownAttribute(e.Traversal[:i+1], step, attributes(v.Type())), e.Traversal[i+2:])
		}
		v = v.GetAttr(name)
	}
	return c.constant(v, e.SrcRange)
}

func (c *compiler) unknownAttribute(before hcl.Traversal, step hcl.Traverser, known []string) *expr {
	name, _ := stepName(step)
	rng := hcl.RangeBetween(before.SourceRange(), step.SourceRange())
	return c.missing(nameRange(step.SourceRange()), rng, "%s has no attribute %q.%s", c.source(before.SourceRange()), name, didYouMean(name, known))
}

func stepName(step hcl.Traverser) (string, bool) {
	switch step := step.(type) {
	case hcl.TraverseAttr:
		return step.Name, true
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String && step.Key.IsKnown() && !step.Key.IsNull() {
			return step.Key.AsString(), true
		}
	}
	return "", false
}

// names are all that an expression may begin with.
func (c *compiler) names() []string {
	names := []string{"event"}
	for scope := c.scope; scope != nil; scope = scope.Parent() {
		names = slices.AppendSeq(names, maps.Keys(scope.Variables))
	}
	for _, v := range c.loops {
		if v.name != "" {
			names = append(names, v.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// attributes are the names of an object's attributes.
func attributes(t cty.Type) []string { return slices.Sorted(maps.Keys(t.AttributeTypes())) }

// didYouMean suggests the nearest name and lists what there is.
func didYouMean(name string, known []string) string {
	s := ""
	if near := config.Suggest(name, known); near != "" {
		s = fmt.Sprintf(" Did you mean %q?", near)
	}
	if len(known) == 0 {
		return s
	}
	return s + " Known: " + strings.Join(known, ", ") + "."
}

// steps compiles the .name and [key] behind x.
func (c *compiler) steps(x *expr, steps hcl.Traversal) *expr {
	for _, step := range steps {
		if x == nil {
			return nil
		}
		at := c.at(hcl.RangeBetween(x.at.rng, step.SourceRange()))
		switch step := step.(type) {
		case hcl.TraverseAttr:
			x = c.attribute(at, x, step.Name, nameRange(step.SrcRange))
		case hcl.TraverseIndex:
			x = c.element(at, x, c.constant(step.Key, step.SrcRange))
		default:
			c.errorf(step.SourceRange(), at.rng, "Unsupported expression", "Rules cannot use this kind of step.")
			return nil
		}
	}
	return x
}

// nameRange is a step without its dot.
func nameRange(rng hcl.Range) hcl.Range {
	rng.Start.Column++
	rng.Start.Byte++
	return rng
}

// attribute compiles x.name.
func (c *compiler) attribute(at *position, x *expr, name string, rng hcl.Range) *expr {
	switch {
	case x.fields != nil:
		if f := x.fields.field(name); f != nil {
			return f.placed(at)
		}
		c.errorf(rng, at.rng, "Unknown attribute", "%s has no attribute %q.%s", x.fields.name, name, x.fields.suggestField(name))
		return nil
	case x.member != nil:
		return entry(at, x, name)
	case x.path != nil:
		return pathExpr(at, x.path.child(name))
	case x.typ.IsObjectType():
		if !x.typ.HasAttribute(name) {
			return c.missing(rng, at.rng, "%s has no attribute %q.%s", x.at.text(), name, didYouMean(name, attributes(x.typ)))
		}
		return member(at, x, name, x.typ.AttributeType(name))
	case x.typ.IsMapType():
		return member(at, x, name, x.typ.ElementType())
	case x.dynamic() && !x.isNull():
		return member(at, x, name, cty.DynamicPseudoType)
	}
	if x.constant != nil {
		return c.missing(rng, at.rng, "%s is %s, which has no attributes.", x.at.text(), typeName(x.typ))
	}
	c.errorf(rng, at.rng, "Unknown attribute", "%s is %s, which has no attributes.%s", x.at.text(), typeName(x.typ), c.insideText(x, name))
	return nil
}

// entry is one entry of a map of the event.
func entry(at *position, x *expr, name string) *expr {
	find := x.member
	e := valueExpr(at, x.typ.ElementType(), func(f *frame) value { return find(f, name) })
	e.operand = &operand{name: x.operand.name + "[" + strconv.Quote(name) + "]", val: e.val}
	return e
}

func member(at *position, x *expr, name string, typ cty.Type) *expr {
	return valueExpr(at, typ, func(f *frame) value { return x.val(f).member(name) })
}

func (c *compiler) index(x, key *expr, e *hclsyntax.IndexExpr) *expr {
	return c.element(c.at(e.SrcRange), x, key)
}

// element compiles x[key].
func (c *compiler) element(at *position, x, key *expr) *expr {
	if x == nil || key == nil {
		return nil
	}
	if key.isNull() {
		c.errorf(*key.rng(), at.rng, "Invalid null", "An index must not be null.")
		return nil
	}
	switch {
	case isObject(x.typ):
		return c.memberByKey(at, x, key)
	case isList(x.typ):
		i := c.asNumber(key, "the index of a list")
		if i == nil {
			return nil
		}
		if x.items != nil && key.constant != nil {
			return c.item(at, x, key)
		}
		return valueExpr(at, elementType(x.typ), func(f *frame) value { return f.listElement(at, x.val(f), i(f)) })
	case x.path != nil && key.constant != nil && (key.constant.kind == text || key.constant.kind == numeric):
		step, _ := key.constant.toText()
		return pathExpr(at, x.path.child(step))
	case x.dynamic() && !x.isNull():
		return valueExpr(at, cty.DynamicPseudoType, func(f *frame) value { return f.dynamicElement(key, x.val(f), key.val(f)) })
	}
	c.errorf(at.rng, at.rng, "Invalid index", "%s is %s, which has no elements.", x.at.text(), typeName(x.typ))
	return nil
}

// item compiles an element of a list that is written out.
func (c *compiler) item(at *position, x, key *expr) *expr {
	n, _ := key.constant.toNumber()
	if !n.isInt() || n.whole < 0 || n.whole >= int64(len(x.items)) {
		c.errorf(*key.rng(), at.rng, "Invalid index", "Index %s is out of range: the list has %d elements.", n, len(x.items))
		return nil
	}
	return x.items[n.whole].placed(at)
}

func (c *compiler) memberByKey(at *position, x, key *expr) *expr {
	if key.constant != nil {
		if name, ok := key.constant.toText(); ok {
			return c.attribute(at, x, name, *key.rng())
		}
	}
	k := c.asText(key, "the key of an object")
	if k == nil {
		return nil
	}
	if x.member != nil {
		return valueExpr(at, x.typ.ElementType(), func(f *frame) value { return x.member(f, k(f)) })
	}
	return valueExpr(at, elementType(x.typ), func(f *frame) value { return x.val(f).member(k(f)) })
}

func (f *frame) listElement(at *position, list value, i number) value {
	if list.kind == null {
		f.fail(at, "this list is null")
		return value{}
	}
	v, ok := list.at(i.whole)
	if !ok || !i.isInt() {
		f.fail(at, "index %s is out of range: the list has %d elements", i, len(list.items()))
	}
	return v
}

// dynamicElement reads an element of a value whose type is known only at run time. A missing element is null.
func (f *frame) dynamicElement(key *expr, v, k value) value {
	switch v.kind {
	case object:
		if name, ok := k.toText(); ok {
			return v.member(name)
		}
		f.failConvert(key.at, k, "the key of an object", "a string")
	case list:
		n, ok := k.toNumber()
		switch {
		case !ok && k.kind != text: // a list has no members, so a name finds null
			f.failConvert(key.at, k, "the index of a list", "a number")
		case ok && n.isInt():
			found, _ := v.at(n.whole)
			return found
		}
	}
	return value{}
}
