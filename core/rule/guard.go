package rule

import (
	"slices"
	"strings"
)

// operand is a value of the event that clauses of conditions test.
type operand struct {
	name string    // of a field of a message: "data.action"
	path *jsonPath // of a value inside a document
	val  func(*frame) value
}

// operandKey identifies an operand among those of one kind of event.
type operandKey struct {
	name string
	slot int
}

// docs are the documents that reading the operand reads.
func (o *operand) docs() []int {
	if o.path == nil {
		return nil
	}
	return o.path.docs
}

func (o *operand) key() operandKey {
	if o.path != nil {
		return operandKey{slot: o.path.slot}
	}
	return operandKey{name: o.name}
}

// test is how a clause tests its operand.
type test uint8

const (
	equals test = iota
	hasPrefix
	hasSuffix
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// clause is a test of one operand.
type clause struct {
	of   *operand
	test test
	want value // a text is in normalization form C
	at   *position
}

// guard is a condition that holds if one of its clauses is true or fails, or if one of its documents cannot be read.
type guard struct {
	clauses []clause
	docs    []int // the documents of the clauses, and those that are read before the clauses are evaluated
}

// Bounds of guards, which are combined where conditions have several || in them.
const (
	maxGuards  = 8
	maxClauses = 4096
)

// guarded adds a clause that is the whole of e.
func (e *expr) guarded(of *expr, t test, want value) *expr {
	if of.operand == nil {
		return e
	}
	if want.kind == text {
		want.str = normal(want.str)
	}
	e.docs = of.operand.docs()
	e.guards = []guard{{clauses: []clause{{of: of.operand, test: t, want: want, at: e.at}}, docs: e.docs}}
	return e
}

// afterReading returns the guards of what is evaluated only if documents can be read: if one cannot, the condition fails.
func afterReading(docs []int, guards []guard) []guard {
	if len(docs) == 0 {
		return guards
	}
	after := make([]guard, len(guards))
	for i, g := range guards {
		after[i] = guard{g.clauses, union(docs, g.docs)}
	}
	return after
}

// union returns the documents of a and b.
func union(a, b []int) []int {
	switch {
	case len(a) == 0 || slices.Equal(a, b):
		return b
	case len(b) == 0:
		return a
	}
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// eitherGuard returns the guards of a || b.
func eitherGuard(a, b []guard) []guard {
	var both []guard
	for _, x := range a {
		for _, y := range b {
			if len(both) < maxGuards && len(x.clauses)+len(y.clauses) <= maxClauses {
				both = append(both, guard{slices.Concat(x.clauses, y.clauses), union(x.docs, y.docs)})
			}
		}
	}
	return both
}

// text is the guard as it is written, in one line; of many clauses the first ones.
func (g guard) text() string {
	const limit = 5
	var texts []string
	for i := range g.clauses {
		text := g.clauses[i].at.text()
		if slices.Contains(texts, text) { // one for each element of a list
			continue
		}
		if len(texts) == limit {
			texts = append(texts, "...")
			break
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " || ")
}

// isScalar reports whether rules can be indexed by the value.
func (v value) isScalar() bool { return v.kind <= text }
