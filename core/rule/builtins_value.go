package rule

import (
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/pointsman/pointsman/core/jsondoc"
)

// contains looks for a part of a string, or an element of a list.
func (c *compiler) contains(k *call) *expr {
	in, x := k.args[0], k.args[1]
	switch {
	case in.typ == cty.String:
		return textsToBool(strings.Contains)(c, k)
	case in.isNull() || !in.dynamic() && !isList(in.typ):
		c.errorf(*in.rng(), k.at.rng, "Wrong type", "%s must be a list or a string, but this is %s.", sentence(k.role(0)), typeName(in.typ))
		return nil
	case !x.isNull() && !comparableTypes(elementType(in.typ), x.typ):
		c.errorf(*x.rng(), k.at.rng, "Comparison of different types", "The list holds %s and this is %s: it is never in the list.%s",
			typeName(elementType(in.typ)), typeName(x.typ), conversionHint(in, x))
		return nil
	}
	if in.constant == nil || in.constant.kind != list {
		return containsDynamic(k, in, x)
	}
	items := in.constant.items()
	if x.text != nil {
		return containsConstant(k.at, items, x.text).memberOf(x, items)
	}
	work := len(items) * lookWork
	if k.free = x.indexedBy(items) && len(c.loops) == 0; k.free {
		work = 0
	}
	return boolExpr(k.at, func(f *frame) bool {
		v := x.val(f)
		f.spend(k.at, work)
		return slices.ContainsFunc(items, func(item value) bool { return equal(item, v) })
	}).memberOf(x, items)
}

// indexedBy reports whether "e is one of the items" makes clauses.
func (e *expr) indexedBy(items []value) bool {
	return e.operand != nil && len(items) > 0 && len(items) <= maxClauses && !slices.ContainsFunc(items, func(v value) bool { return !v.isScalar() })
}

// memberOf adds the clauses of "x is one of the items".
func (e *expr) memberOf(x *expr, items []value) *expr {
	if !x.indexedBy(items) {
		return e
	}
	var any []clause
	for _, item := range items {
		if item.kind == text {
			item.str = normal(item.str)
		}
		any = append(any, clause{of: x.operand, test: equals, want: item, at: e.at})
	}
	e.docs, e.total = x.operand.docs(), true
	e.guards = []guard{{any, e.docs}}
	return e
}

func containsDynamic(k *call, in, x *expr) *expr {
	return boolExpr(k.at, func(f *frame) bool {
		v, want := in.val(f), x.val(f)
		switch v.kind {
		case list:
			return f.containsElement(k.at, v, want)
		case text:
			if want.kind != text {
				f.failConvert(x.at, want, k.role(1), "a string")
			}
			return strings.Contains(normal(v.str), normal(want.str))
		default:
			f.failConvert(in.at, v, k.role(0), "a list or a string")
		}
		return false
	})
}

func (f *frame) containsElement(at *position, in, want value) bool {
	n := 0
	for item := range in.elements() {
		if n++; equal(item, want) {
			return true
		}
	}
	f.spend(at, n*lookWork)
	return false
}

func containsConstant(at *position, items []value, read func(*frame) string) *expr {
	var known []string
	for _, item := range items {
		if item.kind == text {
			known = append(known, normal(item.str))
		}
	}
	set := make(map[string]bool, len(known))
	for _, s := range known {
		set[s] = true
	}
	const few = 8
	return boolExpr(at, func(f *frame) bool {
		s := normal(read(f))
		if len(known) > few {
			return set[s]
		}
		return slices.Contains(known, s)
	})
}

// length counts the characters of a string, or the elements of anything else.
func (c *compiler) length(k *call) *expr {
	x := k.args[0]
	if x.isNull() || x.typ == cty.Number || x.typ == cty.Bool {
		c.errorf(*x.rng(), k.at.rng, "Wrong type", "%s must be a string, a list or an object, but this is %s.", sentence(k.role(0)), typeName(x.typ))
		return nil
	}
	return numberExpr(k.at, func(f *frame) number {
		switch v := x.val(f); v.kind {
		case text:
			if isASCII(v.str) && !strings.Contains(v.str, "\r\n") {
				return intNumber(int64(len(v.str)))
			}
			return f.callConverted(k, []value{v}, []cty.Value{toCty(v)}, []*position{x.at}).num
		case list:
			return intNumber(int64(len(v.items())))
		case object:
			return intNumber(int64(len(v.members().names)))
		default:
			f.failConvert(x.at, v, k.role(0), "a string, a list or an object")
			return number{}
		}
	})
}

// coalesce returns its first argument that is not null, and does not evaluate those after it.
func (c *compiler) coalesce(k *call) *expr {
	if len(k.args) == 0 {
		c.errorf(k.at.rng, k.at.rng, "Not enough function arguments", "coalesce needs at least one argument.")
		return nil
	}
	first := k.args[0]
	typ := first.typ
	for _, x := range k.args[1:] {
		typ = unify(&expr{typ: typ}, x)
		if typ == cty.NilType {
			c.errorf(*x.rng(), k.at.rng, "Wrong type", "All arguments of coalesce must have the same type: this is %s, and the first is %s.", typeName(x.typ), typeName(first.typ))
			return nil
		}
	}
	args := make([]*expr, len(k.args))
	for i, x := range k.args {
		args[i] = c.unified(x, typ)
	}
	last := args[len(args)-1]
	find := func(f *frame) value {
		for _, x := range args {
			if v := x.val(f); v.kind != null {
				return v
			}
		}
		f.fail(k.at, "all arguments of coalesce are null")
		return value{}
	}
	if last.text != nil && typ == cty.String {
		return textExpr(k.at, func(f *frame) string { return find(f).str })
	}
	return valueExpr(k.at, typ, find)
}

// coalesceList is coalesce(list...). That of go-cty compares the types of all arguments with each other, and in them.
func coalesceList(k *call) *expr {
	return valueExpr(k.at, cty.DynamicPseudoType, func(f *frame) value {
		args, _ := k.values(f)
		for _, v := range args {
			if v.kind != null {
				return v
			}
		}
		f.fail(k.at, "all arguments of coalesce are null")
		return value{}
	})
}

// get looks up a path in a value of unknown shape.
func (c *compiler) get(k *call) *expr {
	x, path := k.args[0], c.asText(k.args[1], k.role(1))
	if path == nil {
		return nil
	}
	otherwise := func(*frame) value { return value{} }
	if len(k.args) == 3 {
		otherwise = k.args[2].val
	}
	return valueExpr(k.at, cty.DynamicPseudoType, func(f *frame) value {
		v := x.val(f)
		for step := range strings.SplitSeq(path(f), ".") {
			v = v.step(step)
		}
		if v.kind == null {
			return otherwise(f)
		}
		return v
	})
}

// step returns the member or element that one step of a path names.
func (v value) step(s string) value {
	if v.kind != list {
		return v.member(s)
	}
	if n, ok := parseNumber(s); ok && n.isInt() {
		found, _ := v.at(n.whole)
		return found
	}
	return value{}
}

// toString and toNumber leave null as it is.
func (c *compiler) toString(k *call) *expr {
	x := k.args[0]
	if x.isNull() {
		return x.placed(k.at)
	}
	s := c.asText(x, k.role(0))
	if s == nil {
		return nil
	}
	if x.text != nil || x.number != nil || x.boolean != nil {
		return textExpr(k.at, s)
	}
	return valueExpr(k.at, cty.String, func(f *frame) value {
		if x.val(f).kind == null {
			return value{}
		}
		return textValue(s(f))
	})
}

func (c *compiler) toNumber(k *call) *expr {
	x := k.args[0]
	if x.isNull() {
		return x.placed(k.at)
	}
	if !x.dynamic() && x.typ != cty.String && x.typ != cty.Number {
		c.convertible(x, cty.Number, k.role(0))
		return nil
	}
	return valueExpr(k.at, cty.Number, func(f *frame) value {
		v := x.val(f)
		n, ok := v.toNumber()
		if v.kind == null {
			return v
		}
		if !ok {
			f.failConvert(x.at, v, k.role(0), "a number")
		}
		return numberValue(n)
	})
}

func (c *compiler) jsonEncode(k *call) *expr {
	x := k.args[0]
	return c.json(k.at, func(f *frame, buf []byte) []byte { return appendValue(buf, x.val(f)) })
}

// json is a text that write appends, of bounded length.
func (c *compiler) json(at *position, write appender) *expr {
	return writtenExpr(at, func(f *frame, buf []byte) []byte {
		start := len(buf)
		if buf = write(f, buf); len(buf)-start > MaxArguments {
			f.fail(at, "this is more than %d bytes of JSON", MaxArguments)
		}
		return buf
	})
}

// jsonDecode reads with core/jsondoc, which keeps numbers as written and bounds them. A constant text goes to the function
// itself, which knows the type of the result.
func (c *compiler) jsonDecode(k *call) *expr {
	x := k.args[0]
	if x.constant != nil {
		return c.general(k)
	}
	s := c.textArgument(k, 0)
	if s == nil {
		return nil
	}
	return valueExpr(k.at, cty.DynamicPseudoType, func(f *frame) value {
		d := &document{lookups: &f.lookups}
		if err := d.Parse(s(f)); err != nil {
			f.fail(k.at, "%s: %s", k.role(0), err)
			return value{}
		}
		return d.get(jsondoc.Root)
	})
}
