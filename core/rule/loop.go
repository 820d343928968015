package rule

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// loop is the common part of for expressions and splats: it runs body for each element of a collection.
type loop struct {
	at         *position
	collection *expr
	key, item  int // slots of frame.vars
}

// open adds the variables of the loop to the scope. close removes them.
func (c *compiler) open(at *position, collection *expr, key, item loopVar) *loop {
	l := &loop{at: at, collection: collection, key: len(c.loops), item: len(c.loops) + 1}
	keyType := cty.Number
	switch {
	case isObject(collection.typ):
		keyType = cty.String
	case collection.dynamic():
		keyType = cty.DynamicPseudoType
	}
	key.expr = variable(l.key, keyType)
	item.expr = variable(l.item, elementType(collection.typ))
	c.loops = append(c.loops, key, item)
	return l
}

func (c *compiler) close(l *loop) { c.loops = c.loops[:l.key] }

// variable reads a slot. Whether it is null is known only in the loop.
func variable(slot int, typ cty.Type) *expr {
	return valueExpr(nil, typ, func(f *frame) value { return f.vars[slot] })
}

// run calls body for each element and stops at the first failure.
func (l *loop) run(f *frame, body func()) {
	for len(f.vars) <= l.item {
		f.vars = append(f.vars, value{})
	}
	round := func(k, v value) bool {
		if !f.spend(l.at, roundWork+f.looked()) {
			return false
		}
		f.vars[l.key], f.vars[l.item] = k, v
		body()
		return true
	}
	switch v := l.collection.val(f); v.kind {
	case list:
		i := int64(0)
		for item := range v.elements() {
			if !round(numberValue(intNumber(i)), item) {
				return
			}
			i++
		}
	case object:
		members := v.members()
		for i, name := range members.names {
			if !round(textValue(name), members.values[i]) {
				return
			}
		}
	default:
		f.fail(l.collection.at, "for iterates over lists and objects, and this is %s", v.kind)
	}
}

func (c *compiler) forExpr(e *hclsyntax.ForExpr) *expr {
	collection := c.compile(e.CollExpr)
	if collection == nil {
		return nil
	}
	if collection.isNull() || !collection.dynamic() && !isList(collection.typ) && !isObject(collection.typ) {
		c.errorf(*collection.rng(), e.SrcRange, "Wrong type", "for iterates over lists and objects, but this is %s.", typeName(collection.typ))
		return nil
	}
	at := c.at(e.SrcRange)
	l := c.open(at, collection, loopVar{name: e.KeyVar}, loopVar{name: e.ValVar})
	defer c.close(l)
	cond, ok := func(*frame) bool { return true }, true
	if e.CondExpr != nil {
		cond = c.asBool(c.compile(e.CondExpr), "the condition of for")
		ok = cond != nil
	}
	val := c.compile(e.ValExpr)
	if e.KeyExpr != nil {
		key := c.asText(c.compile(e.KeyExpr), "the key of an object")
		if !ok || val == nil || key == nil {
			return nil
		}
		return forObject(l, cond, key, val, e.Group)
	}
	if !ok || val == nil {
		return nil
	}
	return valueExpr(at, cty.List(val.typ), func(f *frame) value {
		var items []value
		l.run(f, func() {
			if cond(f) {
				items = append(items, val.val(f))
			}
		})
		return listValue(items)
	})
}

func forObject(l *loop, cond func(*frame) bool, key func(*frame) string, val *expr, group bool) *expr {
	if group {
		return valueExpr(l.at, cty.Map(cty.List(val.typ)), func(f *frame) value { return groupBy(f, l, cond, key, val) })
	}
	return valueExpr(l.at, cty.Map(val.typ), func(f *frame) value {
		var names []string
		var values []value
		seen := map[string]bool{}
		l.run(f, func() {
			if !cond(f) {
				return
			}
			k := key(f)
			if seen[k] {
				f.fail(l.at, "two elements have the key %q; write ... behind the value to group them", k)
			}
			seen[k] = true
			names, values = append(names, k), append(values, val.val(f))
		})
		return objectValue(names, values)
	})
}

func groupBy(f *frame, l *loop, cond func(*frame) bool, key func(*frame) string, val *expr) value {
	groups := map[string][]value{}
	l.run(f, func() {
		if cond(f) {
			k := key(f)
			groups[k] = append(groups[k], val.val(f))
		}
	})
	var names []string
	var values []value
	for name, items := range groups {
		names, values = append(names, name), append(values, listValue(items))
	}
	return objectValue(names, values)
}

// splat compiles list[*].name. A value that is not a list counts as a list of one, null as an empty list.
func (c *compiler) splat(e *hclsyntax.SplatExpr) *expr {
	source := c.compile(e.Source)
	if source == nil {
		return nil
	}
	at := c.at(e.SrcRange)
	items := valueExpr(source.at, source.typ, func(f *frame) value {
		switch v := source.val(f); v.kind {
		case list:
			return v
		case null:
			return listValue(nil)
		default:
			return listValue([]value{v})
		}
	})
	if !source.dynamic() && !isList(source.typ) {
		items.typ = cty.List(source.typ)
	}
	l := c.open(at, items, loopVar{}, loopVar{symbol: e.Item})
	defer c.close(l)
	each := c.compile(e.Each)
	if each == nil {
		return nil
	}
	return valueExpr(at, cty.List(each.typ), func(f *frame) value {
		var values []value
		l.run(f, func() { values = append(values, each.val(f)) })
		return listValue(values)
	})
}

func (c *compiler) symbol(e *hclsyntax.AnonSymbolExpr) *expr {
	for _, v := range slices.Backward(c.loops) {
		if v.symbol == e {
			c.reads++
			return v.expr.placed(c.at(e.SrcRange))
		}
	}
	return nil
}
