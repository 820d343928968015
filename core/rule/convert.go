package rule

import (
	"github.com/zclconf/go-cty/cty"
)

// The as functions return a closure that converts a value as HCL does. At run time it fails for null and for values that cannot be
// converted. A conversion that the static type rules out is an error at load. role describes the value in diagnostics.

func (c *compiler) asBool(x *expr, role string) func(*frame) bool {
	if !c.convertible(x, cty.Bool, role) {
		return nil
	}
	return converted(x, x.boolean, value.toBool, role, "true or false")
}

func (c *compiler) asNumber(x *expr, role string) func(*frame) number {
	if !c.convertible(x, cty.Number, role) {
		return nil
	}
	return converted(x, x.number, value.toNumber, role, "a number")
}

func (c *compiler) asText(x *expr, role string) func(*frame) string {
	if !c.convertible(x, cty.String, role) {
		return nil
	}
	return converted(x, x.text, value.toText, role, "a string")
}

// converted returns direct, the closure of an expression that has the type already, or a closure that converts at run time.
func converted[T any](x *expr, direct func(*frame) T, convert func(value) (T, bool), role, want string) func(*frame) T {
	if direct != nil {
		return direct
	}
	return func(f *frame) T {
		v := x.val(f)
		result, ok := convert(v)
		if !ok {
			f.failConvert(x.at, v, role, want)
		}
		return result
	}
}

const nullAdvice = `; coalesce() gives a default, and a test for "!= null" leaves such events out`

func (f *frame) failConvert(at *position, v value, role, want string) {
	if v.kind == null {
		f.fail(at, "%s is null, and must be %s%s", role, want, nullAdvice)
		return
	}
	f.fail(at, "%s must be %s, but is %s: %s", role, want, v.kind, show(v))
}

// convertible reports an error unless x is of the type, or may become it.
func (c *compiler) convertible(x *expr, want cty.Type, role string) bool {
	if x == nil {
		return false
	}
	if c.trying > 0 && x.constant != nil && (x.isNull() || x.typ == cty.String) {
		return true // it fails when it is evaluated
	}
	if x.isNull() {
		c.errorf(*x.rng(), *x.rng(), "Invalid null", "%s must be %s, and this is always null.", sentence(role), typeName(want))
		return false
	}
	if x.dynamic() || x.typ == want || want == cty.String && x.typ.IsPrimitiveType() {
		return true
	}
	hint := ""
	switch {
	case x.constant != nil && x.typ == cty.String && want == cty.Number:
		if _, ok := x.constant.toNumber(); ok {
			return true
		}
		hint = numberIn(x.constant.str)
	case x.constant != nil && x.typ == cty.String && want == cty.Bool:
		if _, ok := x.constant.toBool(); ok {
			return true
		}
	case x.typ == cty.String && want == cty.Number:
		hint = " Convert it with tonumber(), which fails for the events where it is none."
	case x.typ.IsPrimitiveType() && want == cty.Bool:
		hint = " Compare it with ==."
	}
	c.errorf(*x.rng(), *x.rng(), "Wrong type", "%s must be %s, but this is %s.%s", sentence(role), typeName(want), typeName(x.typ), hint)
	return false
}
