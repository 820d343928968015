package rule

import (
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// Sets are lists here, sorted and without equal elements. go-cty compares the types of all elements of a list with each other when it
// makes a set of it: an event with a long list would take a minute.

// distinct keeps the first of equal elements.
func (c *compiler) distinct(k *call) *expr {
	if !c.collection(k, isList, "a list") {
		return nil
	}
	x := k.args[0]
	return valueExpr(k.at, cty.List(elementType(x.typ)), func(f *frame) value {
		seen := map[string]bool{}
		var kept []value
		for _, item := range f.listItems(k, 0) {
			if key := f.identity(k.at, item); !seen[key] {
				seen[key] = true
				kept = append(kept, item)
			}
		}
		return listValue(kept)
	})
}

// listItems are the elements of argument i, which must be a list.
func (f *frame) listItems(k *call, i int) []value {
	v := k.args[i].val(f)
	if v.kind != list {
		f.failConvert(k.args[i].at, v, k.role(i), "a list")
		return nil
	}
	items := v.items()
	f.spend(k.at, len(items)*elementWork)
	return items
}

// identity is a text that equal values share, and no others.
func (f *frame) identity(at *position, v value) string {
	key := appendIdentity(nil, v)
	f.spend(at, len(key))
	return string(key)
}

func appendIdentity(buf []byte, v value) []byte {
	switch v.kind {
	case text:
		return appendText(buf, normal(v.str))
	case list:
		buf = append(buf, '[')
		for item := range v.elements() {
			buf = append(appendIdentity(buf, item), ',')
		}
		return append(buf, ']')
	case object:
		buf = append(buf, '{')
		m := v.members()
		for i, name := range m.names {
			buf = append(appendText(buf, normal(name)), ':')
			buf = append(appendIdentity(buf, m.values[i]), ',')
		}
		return append(buf, '}')
	}
	return appendValue(buf, v)
}

// toCollection compiles tolist and toset.
func toCollection(set bool) builtin {
	return func(c *compiler, k *call) *expr {
		if !c.collection(k, isList, "a list") {
			return nil
		}
		return valueExpr(k.at, cty.List(oneType(k.args)), func(f *frame) value {
			items := f.oneKind(k, f.listItems(k, 0))
			if set {
				items = f.setOf(k.at, items)
			}
			return listValue(items)
		})
	}
}

// sets compiles a function of several lists; keep says whether an element that is in some of the lists is in the result.
func sets(keep func(in []bool) bool) builtin {
	return func(c *compiler, k *call) *expr {
		for i, x := range k.args {
			if x.isNull() || !x.dynamic() && !isList(x.typ) {
				c.errorf(*x.rng(), k.at.rng, "Wrong type", "%s must be a list, but this is %s.", sentence(k.role(i)), typeName(x.typ))
				return nil
			}
		}
		if len(k.args) == 0 {
			c.errorf(k.at.rng, k.at.rng, "Not enough function arguments", "%s needs at least one list.", k.name)
			return nil
		}
		return valueExpr(k.at, cty.List(oneType(k.args)), func(f *frame) value { return f.sets(k, keep) })
	}
}

func (f *frame) sets(k *call, keep func(in []bool) bool) value {
	var all []value
	ends := make([]int, len(k.args))
	for i := range k.args {
		all = append(all, f.listItems(k, i)...)
		ends[i] = len(all)
	}
	all = f.oneKind(k, all)
	if f.err != nil {
		return value{}
	}
	in := map[string][]bool{}
	start := 0
	for i, end := range ends {
		for _, item := range all[start:end] {
			key := f.identity(k.at, item)
			if in[key] == nil {
				in[key] = make([]bool, len(ends))
			}
			in[key][i] = true
		}
		start = end
	}
	return listValue(slices.DeleteFunc(f.setOf(k.at, all), func(item value) bool { return !keep(in[f.identity(k.at, item)]) }))
}

// oneType is the type of the elements of all arguments, dynamic if they differ.
func oneType(args []*expr) cty.Type {
	types := make([]cty.Type, len(args))
	for i, x := range args {
		types[i] = elementType(x.typ)
	}
	return common(types)
}

// oneKind converts strings, numbers and bools to strings when there is more than one kind of them. Lists and objects do not mix with others.
func (f *frame) oneKind(k *call, items []value) []value {
	var kinds [object + 1]bool
	for _, item := range items {
		kinds[item.kind] = true
	}
	simple, composite := kinds[boolean] || kinds[numeric] || kinds[text], kinds[list] || kinds[object]
	switch {
	case simple && composite || kinds[list] && kinds[object]:
		f.fail(k.at, "%s: the elements have no common type", k.name)
	case kinds[boolean] && kinds[numeric] && !kinds[text]:
		f.fail(k.at, "%s: the elements have no common type", k.name)
	case kinds[text] && (kinds[boolean] || kinds[numeric]):
		converted := make([]value, len(items))
		for i, item := range items {
			if s, ok := item.toText(); ok {
				converted[i] = textValue(s)
			}
		}
		return converted
	}
	return items
}

// setOf sorts as go-cty does: strings by their bytes, numbers by their size, false before true. Others are sorted by what they hold.
func (f *frame) setOf(at *position, items []value) []value {
	byKey := make(map[string]value, len(items))
	for _, item := range items {
		byKey[f.identity(at, item)] = item
	}
	keys := slices.SortedFunc(maps.Keys(byKey), func(x, y string) int {
		switch a, b := byKey[x], byKey[y]; {
		case a.kind != b.kind:
			return int(b.kind) - int(a.kind) // null last
		case a.kind == text:
			return strings.Compare(normal(a.str), normal(b.str))
		case a.kind == numeric, a.kind == boolean:
			return a.num.compare(b.num)
		}
		return strings.Compare(x, y)
	})
	set := make([]value, len(keys))
	for i, key := range keys {
		set[i] = byKey[key]
	}
	return set
}

// toMap converts the members of an object to one type.
func (c *compiler) toMap(k *call) *expr {
	if !c.collection(k, isObject, "an object") {
		return nil
	}
	x := k.args[0]
	return valueExpr(k.at, cty.Map(elementType(x.typ)), func(f *frame) value {
		v := x.val(f)
		if v.kind != object {
			f.failConvert(x.at, v, k.role(0), "an object")
			return value{}
		}
		members := v.members()
		f.spend(k.at, len(members.names)*elementWork)
		return objectValue(members.names, f.oneKind(k, members.values))
	})
}
