package rule

// maxWork is what one rule may cost for one event, in steps. A step is a byte of text made or searched, or an element looked at;
// it takes about a nanosecond. Events come from outside, and what a rule costs may grow with the square of an event's size.
const maxWork = 16_000_000

// roundWork is what a round of a for expression costs besides: there are at most 100,000.
const roundWork = maxWork / 100_000

// spend counts steps, and fails when there were too many. It returns false after any failure.
func (f *frame) spend(at *site, steps int) bool {
	if f.work += steps; f.work > maxWork {
		f.fail(at, "this takes too much work for one event: the limit is %d rounds of for, or %d MB of text", maxWork/roundWork, maxWork/1_000_000)
	}
	return f.err == nil
}

// looked returns how many nodes of JSON were looked at since it was last asked.
func (f *frame) looked() (nodes int) {
	for i := range f.docs {
		nodes += f.docs[i].looked
		f.docs[i].looked = 0
	}
	return nodes
}

// elementWork is what it costs to make a value of go-cty.
const elementWork = 100

// ctyWork is what it costs to make v a value of go-cty.
func ctyWork(v value) int {
	switch r := v.ref.(type) {
	case *document:
		n := &r.nodes[v.node()]
		return int(n.end-n.start) + elementWork*(int(n.next)-v.node())
	case *tuple:
		return ctyWorkOf(r.items)
	case *record:
		return ctyWorkOf(r.values)
	}
	return elementWork + len(v.str)
}

func ctyWorkOf(items []value) int {
	work := elementWork
	for _, item := range items {
		work += ctyWork(item)
	}
	return work
}
