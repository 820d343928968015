package rule

import (
	"cmp"
	"slices"
)

// index finds the rules whose first clauses an event can satisfy. A rule is listed under the guard that the fewest rules share, or
// in rest if it has none.
type index struct {
	fields []indexedField
	rest   []*program
}

// indexedField lists rules by the value that a field must have.
type indexedField struct {
	name  string
	read  func(*frame) string
	rules map[string][]*program
}

func newIndex(rules []*program) *index {
	type clause struct{ field, want string }
	shared := map[clause]int{}
	for _, p := range rules {
		for _, g := range p.guards {
			shared[clause{g.field, g.want}]++
		}
	}
	x := &index{}
	for _, p := range rules {
		if len(p.guards) == 0 {
			x.rest = append(x.rest, p)
			continue
		}
		x.add(p, slices.MinFunc(p.guards, func(a, b guard) int {
			return cmp.Compare(shared[clause{a.field, a.want}], shared[clause{b.field, b.want}])
		}))
	}
	return x
}

func (x *index) add(p *program, g guard) {
	i := slices.IndexFunc(x.fields, func(f indexedField) bool { return f.name == g.field })
	if i < 0 {
		i = len(x.fields)
		x.fields = append(x.fields, indexedField{g.field, g.read, map[string][]*program{}})
	}
	x.fields[i].rules[g.want] = append(x.fields[i].rules[g.want], p)
}

// candidates are the rules to evaluate, in the order they are written.
func (r *sourceRules) candidates(f *frame) []*program {
	if !f.data.IsValid() {
		return r.all // reading a guard would fail, and each rule must report that failure
	}
	found, lists := r.index.rest, 1
	for _, field := range r.index.fields {
		s := field.read(f)
		rules := field.rules[s]
		if rules == nil && !isASCII(s) {
			rules = field.rules[normal(s)]
		}
		if len(rules) == 0 {
			continue
		}
		if len(found) == 0 {
			found = rules
			continue
		}
		f.candidates = append(f.candidates[:0], found...)
		f.candidates = append(f.candidates, rules...)
		found, lists = f.candidates, lists+1
	}
	if lists > 1 {
		slices.SortFunc(found, func(a, b *program) int { return cmp.Compare(a.order, b.order) })
	}
	return found
}
