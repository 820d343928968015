package rule

import (
	"slices"
	"sort"
	"strings"
)

// table lists rules by clauses about one operand.
type table struct {
	of *operand
	// texts, whole, decimals and bools list the rules by the value that the operand must equal.
	texts    map[string][]*program
	whole    map[int64][]*program
	decimals map[string][]*program // numbers that are no int64
	bools    [2][]*program
	// nulls are the rules whose clause is true, or fails, for null.
	nulls              []*program
	prefixes, suffixes affixes
	bounds             [greaterOrEqual + 1]bounds
	// affixed and bounded are the rules whose clauses fail for values that are no text, or no number.
	affixed, bounded []*program
}

func newTable(of *operand) *table {
	return &table{
		of: of, texts: map[string][]*program{}, whole: map[int64][]*program{}, decimals: map[string][]*program{},
		prefixes: affixes{compare: strings.Compare, has: strings.HasPrefix},
		suffixes: affixes{compare: compareBackwards, has: strings.HasSuffix},
	}
}

func (t *table) add(c clause, p *program) {
	switch c.test {
	case equals:
		t.addEqual(c.want, p)
	case hasPrefix:
		t.prefixes.add(c.want.str, p)
	case hasSuffix:
		t.suffixes.add(c.want.str, p)
	default:
		t.bounds[c.test].add(c.want.num, p)
		t.bounded = append(t.bounded, p)
		return
	}
	if c.test != equals {
		t.affixed = append(t.affixed, p)
		t.nulls = append(t.nulls, p)
	}
}

func (t *table) addEqual(v value, p *program) {
	switch {
	case v.kind == null:
		t.nulls = append(t.nulls, p)
	case v.kind == boolean:
		t.bools[v.num.whole] = append(t.bools[v.num.whole], p)
	case v.kind == text:
		t.texts[v.str] = append(t.texts[v.str], p)
	case !v.num.isInt():
		s := v.num.exactly()
		t.decimals[s] = append(t.decimals[s], p)
	default:
		t.whole[v.num.whole] = append(t.whole[v.num.whole], p)
	}
}

// seal prepares the table for find.
func (t *table) seal() {
	t.prefixes.seal()
	t.suffixes.seal()
	for i := range t.bounds {
		t.bounds[i].seal()
	}
}

// find appends the rules with a clause that is true, or fails, for v.
func (t *table) find(v value, found []*program) []*program {
	switch {
	case v.kind == null:
		return append(found, t.nulls...)
	case v.kind == boolean:
		found = append(found, t.bools[v.num.whole]...)
	case v.kind == text && len(t.texts) > 0:
		found = append(found, t.findText(v.str)...)
	case v.kind == numeric && v.num.isInt():
		found = append(found, t.whole[v.num.whole]...)
	case v.kind == numeric && len(t.decimals) > 0:
		var digits [64]byte
		found = append(found, t.decimals[string(v.num.append(digits[:0]))]...)
	}
	if len(t.affixed) > 0 {
		found = t.findAffixes(v, found)
	}
	if len(t.bounded) > 0 {
		found = t.findBounds(v, found)
	}
	return found
}

func (t *table) findText(s string) []*program {
	rules := t.texts[s]
	if rules == nil && !isASCII(s) {
		rules = t.texts[normal(s)]
	}
	return rules
}

func (t *table) findAffixes(v value, found []*program) []*program {
	s, ok := v.toText()
	if !ok {
		return append(found, t.affixed...)
	}
	s = normal(s)
	return t.suffixes.find(s, t.prefixes.find(s, found))
}

func (t *table) findBounds(v value, found []*program) []*program {
	n, ok := v.toNumber()
	if !ok {
		return append(found, t.bounded...)
	}
	for i := range t.bounds {
		found = t.bounds[i].find(test(i), n, found)
	}
	return found
}

// affixes list rules by a prefix, or by a suffix, which is a prefix of a text that is read backwards.
type affixes struct {
	compare func(a, b string) int
	has     func(s, affix string) bool
	rules   map[string][]*program
	texts   []string // sorted by compare
	lists   [][]*program
	// parents are the indexes of the longest other prefix of each text; -1: none.
	parents []int32
}

func (a *affixes) add(s string, p *program) {
	if a.rules == nil {
		a.rules = map[string][]*program{}
	}
	a.rules[s] = append(a.rules[s], p)
}

func (a *affixes) seal() {
	for s := range a.rules {
		a.texts = append(a.texts, s)
	}
	slices.SortFunc(a.texts, a.compare)
	a.parents = make([]int32, len(a.texts))
	for i, s := range a.texts {
		a.lists = append(a.lists, a.rules[s])
		a.parents[i] = a.prefixOf(s, int32(i)-1)
	}
	a.rules = nil
}

// prefixOf returns the index of the longest prefix of s among texts[i] and its prefixes; -1: none. If texts[i] is the last text before s,
// these are all the prefixes of s, because what stands between a prefix of s and s begins with that prefix.
func (a *affixes) prefixOf(s string, i int32) int32 {
	for i >= 0 && !a.has(s, a.texts[i]) {
		i = a.parents[i]
	}
	return i
}

func (a *affixes) find(s string, found []*program) []*program {
	last := sort.Search(len(a.texts), func(i int) bool { return a.compare(a.texts[i], s) > 0 }) - 1
	for i := a.prefixOf(s, int32(last)); i >= 0; i = a.parents[i] {
		found = append(found, a.lists[i]...)
	}
	return found
}

// compareBackwards compares texts from their ends.
func compareBackwards(a, b string) int {
	for i, j := len(a)-1, len(b)-1; i >= 0 && j >= 0; i, j = i-1, j-1 {
		if a[i] != b[j] {
			return order(a[i] < b[j], true)
		}
	}
	return order(len(a) < len(b), len(a) > len(b))
}

// bounds list rules by the number that the operand must be below, or above, sorted by that number.
type bounds struct {
	limits []number
	rules  []*program
}

func (b *bounds) add(limit number, p *program) {
	b.limits, b.rules = append(b.limits, limit), append(b.rules, p)
}

func (b *bounds) seal() { sort.Sort(b) }

// Len, Less and Swap implement sort.Interface.
func (b *bounds) Len() int           { return len(b.limits) }
func (b *bounds) Less(i, j int) bool { return b.limits[i].compare(b.limits[j]) < 0 }
func (b *bounds) Swap(i, j int) {
	b.limits[i], b.limits[j] = b.limits[j], b.limits[i]
	b.rules[i], b.rules[j] = b.rules[j], b.rules[i]
}

func (b *bounds) find(t test, n number, found []*program) []*program {
	if len(b.limits) == 0 {
		return found
	}
	notBelow := sort.Search(len(b.limits), func(i int) bool { return b.limits[i].compare(n) >= 0 })
	above := sort.Search(len(b.limits), func(i int) bool { return b.limits[i].compare(n) > 0 })
	switch t {
	case less:
		return append(found, b.rules[above:]...)
	case lessOrEqual:
		return append(found, b.rules[notBelow:]...)
	case greater:
		return append(found, b.rules[:notBelow]...)
	}
	return append(found, b.rules[:above]...)
}
