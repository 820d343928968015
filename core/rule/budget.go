package rule

// maxWork limits the work of one rule for one event, in steps of about a nanosecond. The cost of a rule may grow with the square
// of the size of an event, which is untrusted.
const maxWork = 16_000_000

// Steps of the costlier operations. Producing or searching one byte of text is one step.
const (
	roundWork   = maxWork / 100_000 // a round of a for expression
	lookWork    = 10                // an element skipped while searching for another
	elementWork = 100               // a value that is made for a function of go-cty
	pairsWork   = 8                 // so many pairs of types compared
)

// weights are how many times ctyWork of its arguments a function costs, measured with the worst texts known for it.
var weights = map[string]int{"yamldecode": 100, "csvdecode": 100, "format": 10, "sha1": 5, "sha256": 5, "sha512": 5, "md5": 5, "hmac_sha256": 5, "uuidv5": 5}

// begin forgets the failure and the work of what was evaluated before: each rule has its own budget.
func (f *frame) begin() { f.err, f.work, f.lookups = nil, 0, 0 }

// spend counts steps and fails when they exceed maxWork. It returns false after any failure.
func (f *frame) spend(at *position, steps int) bool {
	if f.work += steps; f.work > maxWork {
		f.fail(at, "this costs too much for one event: the limit is %d rounds of for, or %d MB of text", maxWork/roundWork, maxWork/1_000_000)
	}
	return f.err == nil
}

// looked returns the work of JSON lookups since its last call.
func (f *frame) looked() int {
	work := f.lookups * lookWork
	f.lookups = 0
	return work
}

// ctyWork is the cost of converting v to a value of go-cty.
func ctyWork(v value) int {
	switch r := v.ref.(type) {
	case *document:
		return len(r.Raw(v.node())) + elementWork*r.Size(v.node())
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
