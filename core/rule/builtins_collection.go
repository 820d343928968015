package rule

import (
	"github.com/zclconf/go-cty/cty"
)

// lookup returns a member of an object, or the default when it is missing or null.
func (c *compiler) lookup(k *call) *expr {
	x, key := k.args[0], c.asText(k.args[1], k.role(1))
	if key == nil || !c.collection(k, isObject, "an object") {
		return nil
	}
	typ := elementType(x.typ)
	otherwise := func(f *frame) value {
		f.fail(k.args[1].at, "%s: the object has no such member, and there is no default; it is %s", k.role(1), show(textValue(key(f))))
		return value{}
	}
	if len(k.args) > 2 {
		otherwise = k.args[2].val
		if !typ.Equals(k.args[2].typ) {
			typ = cty.DynamicPseudoType
		}
	}
	find := x.member
	if find == nil {
		find = func(f *frame, name string) value {
			v := x.val(f)
			if v.kind != object {
				f.failConvert(x.at, v, k.role(0), "an object")
			}
			return v.member(name)
		}
	}
	return valueExpr(k.at, typ, func(f *frame) value {
		if v := find(f, key(f)); v.kind != null {
			return v
		}
		return otherwise(f)
	})
}

// collection reports an error unless the first argument may be a collection of a kind.
func (c *compiler) collection(k *call, is func(cty.Type) bool, want string) bool {
	x := k.args[0]
	if !x.isNull() && (x.dynamic() || is(x.typ)) {
		return true
	}
	c.errorf(*x.rng(), k.at.rng, "Wrong type", "%s must be %s, but this is %s.", sentence(k.role(0)), want, typeName(x.typ))
	return false
}

func (c *compiler) sum(k *call) *expr {
	if !c.collection(k, isList, "a list of numbers") {
		return nil
	}
	x := k.args[0]
	return numberExpr(k.at, func(f *frame) number {
		v := x.val(f)
		if v.kind != list {
			f.failConvert(x.at, v, k.role(0), "a list of numbers")
			return number{}
		}
		n, total, problem := 0, number{}, ""
		for item := range v.elements() {
			m, ok := item.toNumber()
			if !ok {
				f.failConvert(x.at, item, "every element of "+k.role(0), "a number")
				return number{}
			}
			if total, problem = add(total, m); problem != "" {
				f.fail(k.at, "%s", problem)
				return number{}
			}
			work := lookWork
			if total.big != nil || m.big != nil {
				work = bigWork
			}
			if n++; !f.spend(k.at, work) {
				return number{}
			}
		}
		if n == 0 {
			f.fail(x.at, "%s: the list is empty", k.role(0))
		}
		return total
	})
}
