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
var orderings = map[*hclsyntax.Operation]ordering{
	hclsyntax.OpLessThan:           {"<", func(o int) bool { return o < 0 }, less, greater},
	hclsyntax.OpLessThanOrEqual:    {"<=", func(o int) bool { return o <= 0 }, lessOrEqual, greaterOrEqual},
	hclsyntax.OpGreaterThan:        {">", func(o int) bool { return o > 0 }, greater, less},
	hclsyntax.OpGreaterThanOrEqual: {">=", func(o int) bool { return o >= 0 }, greaterOrEqual, lessOrEqual},
}

type ordering struct {
	symbol string
	holds  func(order int) bool
	// test and mirrored are the tests of x < constant and of constant < x.
	test, mirrored test
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
		return c.ordering(at, a, b, op)
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
	e.guards, e.total, e.docs = a.guards, a.total && b.total, union(a.docs, b.docs)
	if a.total { // if a can fail, b must not decide before a was evaluated
		e.guards = slices.Concat(a.guards, afterReading(a.docs, b.guards))
	}
	return e
}

func (c *compiler) or(at *position, a, b *expr) *expr {
	x, y := c.asBool(a, "the left side of ||"), c.asBool(b, "the right side of ||")
	if x == nil || y == nil {
		return nil
	}
	e := boolExpr(at, func(f *frame) bool { return x(f) || y(f) })
	e.guards, e.total, e.docs = eitherGuard(a.guards, b.guards), a.total && b.total, union(a.docs, b.docs)
	return e
}

func not(e *expr) *expr {
	if e == nil {
		return nil
	}
	is := e.boolean
	n := boolExpr(e.at, func(f *frame) bool { return !is(f) })
	n.total, n.docs = e.total, e.docs
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
	e := equalExpr(at, a, b)
	if a.operand != nil && b.constant != nil && b.constant.isScalar() {
		e.guarded(a, equals, *b.constant).total = true
	}
	return e
}

func equalExpr(at *position, a, b *expr) *expr {
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
	return boolExpr(at, func(f *frame) bool {
		s := read(f)
		return s == want || normal(s) == want
	})
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

func (c *compiler) ordering(at *position, a, b *expr, op ordering) *expr {
	x, y := c.comparand(a, "the left side of "+op.symbol), c.comparand(b, "the right side of "+op.symbol)
	if x == nil || y == nil {
		return nil
	}
	e := orderingExpr(at, b, x, y, op.holds)
	for _, side := range []struct {
		of, limit *expr
		test      test
	}{{a, b, op.test}, {b, a, op.mirrored}} {
		if side.of.operand != nil && side.limit.constant != nil {
			limit, _ := side.limit.constant.toNumber()
			e.guarded(side.of, side.test, numberValue(limit)).total = side.of.path == nil && side.of.typ == cty.Number
		}
	}
	return e
}

func orderingExpr(at *position, b *expr, x, y func(*frame) (number, bool), holds func(int) bool) *expr {
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

// comparand reads a number to compare; false for null, which is neither less nor greater than anything.
func (c *compiler) comparand(x *expr, role string) func(*frame) (number, bool) {
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
