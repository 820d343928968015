package rule

import (
	"cmp"
	"slices"
)

// index finds the rules that an event can concern, so that the others cost nothing. A rule is listed under the clauses of one of its
// guards, or in rest if it has none.
type index struct {
	// fields are the tables of operands in messages.
	fields []*table
	// paths are the tables of operands in documents, by slot; nil where there is none. Only those of values that the event has are
	// looked at: what an event costs does not depend on how many paths the rules read.
	paths []*table
	// absent are the tables of paths with clauses that are true, or fail, when the value is missing.
	absent []*table
	// docs are the documents of leads.
	docs []int
	rest []*program
	// leads are the guards that the rules are listed under, in the order of the rules; without clauses for those in rest.
	leads []guard
}

func newIndex(rules []*program, slots int) *index {
	x := &index{paths: make([]*table, slots), leads: make([]guard, len(rules))}
	shared := map[clauseKey]int{}
	for _, p := range rules {
		for _, g := range p.guards {
			for _, c := range g.clauses {
				shared[c.key()]++
			}
		}
	}
	tables := map[operandKey]*table{}
	for i, p := range rules {
		if len(p.guards) == 0 {
			x.rest = append(x.rest, p)
			continue
		}
		x.leads[i] = slices.MinFunc(p.guards, func(a, b guard) int { return cmp.Compare(a.cost(shared), b.cost(shared)) })
		x.docs = union(x.docs, x.leads[i].docs)
		for _, c := range x.leads[i].clauses {
			t := tables[c.of.key()]
			if t == nil {
				t = newTable(c.of)
				tables[c.of.key()] = t
				x.place(t)
			}
			t.add(c, p)
		}
	}
	for _, t := range tables {
		if t.seal(); t.of.path != nil && len(t.nulls) > 0 {
			x.absent = append(x.absent, t)
		}
	}
	return x
}

func (x *index) place(t *table) {
	if p := t.of.path; p != nil {
		x.paths[p.slot] = t
		return
	}
	x.fields = append(x.fields, t)
}

// clauseKey identifies a clause among those of one kind of event.
type clauseKey struct {
	of   operandKey
	test test
	kind kind
	want string
}

func (c *clause) key() clauseKey {
	k := clauseKey{of: c.of.key(), test: c.test}
	if c.test <= hasSuffix { // bounds of numbers are told from each other by nothing: an event may be within all of them
		k.kind = c.want.kind
		k.want, _ = c.want.toText()
	}
	return k
}

// cost estimates how many rules an event finds by a guard.
func (g guard) cost(shared map[clauseKey]int) int {
	n := 0
	for i := range g.clauses {
		c := shared[g.clauses[i].key()]
		if g.clauses[i].test != equals {
			c *= 2 // a prefix holds for more events than a whole value
		}
		n += c
	}
	return n
}

// candidates are the rules to evaluate, in the order they are written.
func (r *sourceRules) candidates(f *frame) []*program {
	if !f.data.IsValid() {
		return r.all // reading an operand would fail, and each rule must report that failure
	}
	x := r.index
	for _, doc := range x.docs {
		if f.document(doc) == nil {
			return r.all // the same
		}
	}
	found := x.find(f, f.candidates[:0])
	if len(found) == 0 {
		return x.rest
	}
	found = append(found, x.rest...)
	f.candidates = found
	if len(found) == 1 {
		return found
	}
	slices.SortFunc(found, func(a, b *program) int { return cmp.Compare(a.order, b.order) })
	return slices.Compact(found)
}

func (x *index) find(f *frame, found []*program) []*program {
	for _, t := range x.fields {
		found = t.find(t.of.val(f), found)
	}
	for _, slot := range f.found {
		if int(slot) < len(x.paths) && x.paths[slot] != nil {
			found = x.paths[slot].find(f.read(x.paths[slot].of.path), found)
		}
	}
	for _, t := range x.absent {
		if f.slots[t.of.path.slot] == 0 {
			found = append(found, t.nulls...)
		}
	}
	return found
}
