package rule

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// tryWork is the cost of an expression that fails inside try or can.
const tryWork = 100

// catches reports whether a function evaluates arguments that may fail.
func catches(name string) bool { return name == "try" || name == "can" }

// try returns the value of its first argument that does not fail.
func (c *compiler) try(k *call) *expr {
	if len(k.args) == 0 {
		c.errorf(k.at.rng, k.at.rng, "Not enough function arguments", "try needs at least one expression.")
		return nil
	}
	typ, last := k.args[0].typ, len(k.args)-1
	for _, x := range k.args[1:] {
		if !x.typ.Equals(typ) {
			typ = cty.DynamicPseudoType
		}
	}
	return valueExpr(k.at, typ, func(f *frame) value {
		for _, x := range k.args[:last] {
			if v, ok := f.try(k.at, x); ok || f.err != nil {
				return v
			}
		}
		return k.args[last].val(f)
	})
}

// can reports whether its argument has a value.
func (c *compiler) can(k *call) *expr {
	return boolExpr(k.at, func(f *frame) bool {
		_, ok := f.try(k.at, k.args[0])
		return ok
	})
}

// try evaluates x. If x fails it returns false and the frame is as before, unless the budget is spent, or there was a failure before.
func (f *frame) try(at *position, x *expr) (value, bool) {
	if f.err != nil {
		return value{}, false
	}
	f.trying++
	v := x.val(f)
	f.trying--
	if f.err == nil {
		return v, true
	}
	f.err = nil
	f.spend(at, tryWork) // fails again if the budget was the reason
	return value{}, false
}

// missing reports an attribute that is not there. In try and can it is an expression that fails: objects of the configuration may have a
// member or not.
func (c *compiler) missing(subject, context hcl.Range, format string, args ...any) *expr {
	if c.trying == 0 {
		c.errorf(subject, context, "Unknown attribute", format, args...)
		return nil
	}
	at, problem := c.at(context), fmt.Sprintf(format, args...)
	return valueExpr(at, cty.DynamicPseudoType, func(f *frame) value {
		f.fail(at, "%s", problem)
		return value{}
	})
}
