package rule

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

var arithmetics = map[*hclsyntax.Operation]struct {
	symbol string
	apply  arithmetic
}{
	hclsyntax.OpAdd:      {"+", add},
	hclsyntax.OpSubtract: {"-", subtract},
	hclsyntax.OpMultiply: {"*", multiply},
	hclsyntax.OpDivide:   {"/", divide},
	hclsyntax.OpModulo:   {"%", modulo},
}

// orderings interpret the result of compare.
var orderings = map[*hclsyntax.Operation]struct {
	symbol string
	holds  func(order int) bool
}{
	hclsyntax.OpLessThan:           {"<", func(o int) bool { return o < 0 }},
	hclsyntax.OpLessThanOrEqual:    {"<=", func(o int) bool { return o <= 0 }},
	hclsyntax.OpGreaterThan:        {">", func(o int) bool { return o > 0 }},
	hclsyntax.OpGreaterThanOrEqual: {">=", func(o int) bool { return o >= 0 }},
}

func (c *compiler) binary(e *hclsyntax.BinaryOpExpr) *expr {
	a, b := c.compile(e.LHS), c.compile(e.RHS)
	at := c.at(e.SrcRange)
	switch e.Op {
	case hclsyntax.OpLogicalAnd:
		return c.and(at, a, b)
	case hclsyntax.OpLogicalOr:
		return c.or(at, a, b)
	case hclsyntax.OpEqual:
		return c.equality(at, a, b)
	case hclsyntax.OpNotEqual:
		return not(c.equality(at, a, b))
	}
	if op, ok := orderings[e.Op]; ok {
		return c.ordering(at, a, b, op.symbol, op.holds)
	}
	op := arithmetics[e.Op]
	x, y := c.asNumber(a, "the left side of "+op.symbol), c.asNumber(b, "the right side of "+op.symbol)
	if x == nil || y == nil {
		return nil
	}
	return numberExpr(at, func(f *frame) number {
		n, m := x(f), y(f)
		result, problem := op.apply(n, m)
		if result.big != nil {
			f.spend(at, bigWork)
		}
		if problem != "" {
			f.fail(at, "%s (%s %s %s)", problem, show(numberValue(n)), op.symbol, show(numberValue(m)))
		}
		return result
	})
}

func (c *compiler) unary(e *hclsyntax.UnaryOpExpr) *expr {
	x := c.compile(e.Val)
	at := c.at(e.SrcRange)
	if e.Op == hclsyntax.OpNegate {
		n := c.asNumber(x, "the operand of -")
		if n == nil {
			return nil
		}
		return numberExpr(at, func(f *frame) number {
			result, _ := subtract(number{}, n(f))
			return result
		})
	}
	b := c.asBool(x, "the operand of !")
	if b == nil {
		return nil
	}
	return boolExpr(at, func(f *frame) bool { return !b(f) })
}

func (c *compiler) and(at *position, a, b *expr) *expr {
	x, y := c.asBool(a, "the left side of &&"), c.asBool(b, "the right side of &&")
	if x == nil || y == nil {
		return nil
	}
	e := boolExpr(at, func(f *frame) bool { return x(f) && y(f) })
	e.guards, e.total = a.guards, a.total && b.total
	if a.total { // if a can fail, b must not decide before a was evaluated
		e.guards = append(slices.Clip(e.guards), b.guards...)
	}
	return e
}

func (c *compiler) or(at *position, a, b *expr) *expr {
	x, y := c.asBool(a, "the left side of ||"), c.asBool(b, "the right side of ||")
	if x == nil || y == nil {
		return nil
	}
	e := boolExpr(at, func(f *frame) bool { return x(f) || y(f) })
	e.total = a.total && b.total
	return e
}

func not(e *expr) *expr {
	if e == nil {
		return nil
	}
	is := e.boolean
	n := boolExpr(e.at, func(f *frame) bool { return !is(f) })
	n.total = e.total
	return n
}

func (c *compiler) equality(at *position, a, b *expr) *expr {
	if a == nil || b == nil {
		return nil
	}
	if !a.isNull() && !b.isNull() && !comparableTypes(a.typ, b.typ) {
		c.errorf(at.rng, at.rng, "Comparison of different types", "The left side is %s and the right side is %s: they are never equal.%s",
			typeName(a.typ), typeName(b.typ), conversionHint(a, b))
		return nil
	}
	if a.constant != nil {
		a, b = b, a
	}
	switch {
	case a.text != nil && b.constant != nil && b.text != nil:
		return equalsConstant(at, a, b.constant.str)
	case a.text != nil && b.text != nil:
		x, y := a.text, b.text
		return boolExpr(at, func(f *frame) bool { return equalText(x(f), y(f)) })
	case a.number != nil && b.number != nil:
		x, y := a.number, b.number
		return boolExpr(at, func(f *frame) bool { return x(f).compare(y(f)) == 0 })
	case b.isNull():
		x := a.val
		return boolExpr(at, func(f *frame) bool { return x(f).kind == null })
	case b.constant != nil && b.text != nil:
		x, want := a.val, normal(b.constant.str)
		return boolExpr(at, func(f *frame) bool {
			v := x(f)
			return v.kind == text && (v.str == want || normal(v.str) == want)
		})
	}
	x, y := a.val, b.val
	return boolExpr(at, func(f *frame) bool { return equal(x(f), y(f)) })
}

func equalsConstant(at *position, a *expr, want string) *expr {
	read, want := a.text, normal(want)
	e := boolExpr(at, func(f *frame) bool {
		s := read(f)
		return s == want || normal(s) == want
	})
	if a.field != "" {
		e.guards, e.total = []guard{{field: a.field, read: read, want: want}}, true
	}
	return e
}

func conversionHint(a, b *expr) string {
	for _, e := range []*expr{a, b} {
		if e.constant == nil || e.constant.kind != text {
			continue
		}
		if n, ok := e.constant.toNumber(); ok {
			return " Write " + n.String() + " without quotes."
		}
	}
	switch {
	case a.typ == cty.String && b.typ == cty.Number, a.typ == cty.Number && b.typ == cty.String:
		return " Convert one of them: tostring(...) or tonumber(...)."
	case a.typ == cty.String && b.typ == cty.Bool, a.typ == cty.Bool && b.typ == cty.String:
		return " Convert one of them: tostring(...) or tobool(...)."
	}
	return ""
}

func (c *compiler) ordering(at *position, a, b *expr, symbol string, holds func(int) bool) *expr {
	x, y := c.operand(a, "the left side of "+symbol), c.operand(b, "the right side of "+symbol)
	if x == nil || y == nil {
		return nil
	}
	if b.constant != nil {
		limit, _ := b.constant.toNumber()
		return boolExpr(at, func(f *frame) bool {
			n, ok := x(f)
			return ok && holds(n.compare(limit))
		})
	}
	return boolExpr(at, func(f *frame) bool {
		n, ok := x(f)
		m, also := y(f)
		return ok && also && holds(n.compare(m))
	})
}

// operand reads a number to compare; false for null, which is neither less nor greater than anything.
func (c *compiler) operand(x *expr, role string) func(*frame) (number, bool) {
	convert := c.asNumber(x, role)
	switch {
	case convert == nil:
		return nil
	case x.optional != nil:
		return x.optional
	case x.number != nil:
		return func(f *frame) (number, bool) { return x.number(f), true }
	}
	return func(f *frame) (number, bool) {
		v := x.val(f)
		n, ok := v.toNumber()
		if !ok && v.kind != null {
			f.failConvert(x.at, v, role, "a number")
		}
		return n, ok
	}
}
