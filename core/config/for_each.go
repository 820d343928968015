package config

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const (
	// maxItems bounds one for_each.
	maxItems = 100_000
	// maxKeyBytes bounds a key of for_each, which is part of the rule's name.
	maxKeyBytes = 128
	// maxAtPlace is how many items may report the same mistake at the same place.
	maxAtPlace = 3
)

// item is what `each` stands for in one rule of a block with for_each.
type item struct {
	key, value cty.Value
	// read is set when an expression that is evaluated at load uses each.
	read bool
}

// unknownItem stands for the items of a for_each that has an error or is empty. What depends on it is not reported.
var unknownItem = item{key: cty.DynamicVal, value: cty.DynamicVal}

func (i *item) object() cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"key": i.key, "value": i.value})
}

// text is the key as it stands in the name of a rule: "eu" with its quotes, or 0.
func (i *item) text() string {
	if i.key.Type() == cty.Number {
		return i.key.AsBigFloat().String()
	}
	return strconv.Quote(i.key.AsString())
}

// rulesOf reads a rule block: one rule, or with for_each one for each item.
func (l *loader) rulesOf(b *hclsyntax.Block, known named) []*Rule {
	attr := b.Body.Attributes["for_each"]
	if attr == nil {
		return []*Rule{l.rule(b, nil, known)}
	}
	items, ok := l.items(attr)
	if !ok || len(items) == 0 {
		one := unknownItem
		l.rule(b, &one, known) // for the mistakes in the rest of the block
		return nil
	}
	return l.expand(b, attr, items, known)
}

// expand makes the rules of a block with for_each. What does not depend on each is read once.
func (l *loader) expand(b *hclsyntax.Block, attr *hclsyntax.Attribute, items []item, known named) []*Rule {
	if all := len(l.cfg.Rules) + len(items); all > maxRules {
		l.tooManyRules(attr.Expr.Range(), all)
		return nil
	}
	reported, repeats := l.diags, l.cfg.Repeats()
	rules := make([]*Rule, 0, len(items))
	for i := range items {
		l.diags = &Diagnostics{files: reported.files}
		r := l.rule(b, &items[i], known)
		rules = append(rules, r)
		reported.Append(repeats.Filter(r, l.diags.list)...)
		if i == 0 && !items[0].read {
			rules = l.repeat(rules[0], items)
			break
		}
	}
	l.diags = reported
	return rules
}

// repeat makes the rules of a block in which nothing that is evaluated at load depends on each.
func (l *loader) repeat(first *Rule, items []item) []*Rule {
	rules := []*Rule{first}
	for i := range items[1:] {
		r := *first
		l.instance(&r, &items[i+1])
		rules = append(rules, &r)
	}
	return rules
}

// instance gives a rule its name and scope. it is nil for a block without for_each.
func (l *loader) instance(r *Rule, it *item) {
	r.Scope = l.cfg.Scope
	if it == nil {
		return
	}
	r.Scope = l.cfg.Scope.NewChild()
	r.each = it.object()
	r.Scope.Variables = map[string]cty.Value{"each": r.each}
	if it.key.IsKnown() {
		r.Name = fmt.Sprintf("%s[%s]", r.Block, it.text())
	}
}

// items evaluates for_each.
func (l *loader) items(attr *hclsyntax.Attribute) ([]item, bool) {
	rng := attr.Expr.Range()
	if l.touchesSecret(attr.Expr) {
		l.error(rng, "Sensitive value in for_each", "The keys are in the names of the rules, and the results of rules are stored and logged. Make a list or a map without secrets; secrets belong into the settings of a plugin.")
		return nil, false
	}
	v, ok := l.value(attr.Expr, false)
	if !ok {
		return nil, false
	}
	if v.IsNull() || !v.CanIterateElements() {
		l.error(rng, "Invalid value", fmt.Sprintf(`"for_each" must be a list or a map, not %s.`, describeValue(v)))
		return nil, false
	}
	if n := v.LengthInt(); n > maxItems {
		l.error(rng, "Too many items", fmt.Sprintf(`"for_each" has %d items; at most %d are allowed.`, n, maxItems))
		return nil, false
	}
	items := itemsOf(v)
	return items, l.checkKeys(attr, items)
}

// itemsOf lists what for_each goes over. A list of strings is a set of names: each is its own key. The key in any other list is the
// index.
func itemsOf(v cty.Value) []item {
	items := make([]item, 0, v.LengthInt())
	object := v.Type().IsObjectType() || v.Type().IsMapType()
	names := !object && allStrings(v)
	for key, value := range v.Elements() {
		if names {
			key = value
		}
		items = append(items, item{key: key, value: value})
	}
	return items
}

func allStrings(list cty.Value) bool {
	return !slices.ContainsFunc(list.AsValueSlice(), func(v cty.Value) bool { return v.Type() != cty.String || v.IsNull() })
}

// checkKeys reports keys that cannot be part of a rule's name, and the same name twice.
func (l *loader) checkKeys(attr *hclsyntax.Attribute, items []item) bool {
	seen := make(map[string]bool, len(items))
	wrong := 0
	for i := range items {
		if items[i].key.Type() != cty.String {
			return true // the index of a list
		}
		key := items[i].key.AsString()
		summary, detail := badKey(key)
		if seen[key] {
			summary, detail = "Duplicate item", fmt.Sprintf("%q is already in the list. Each string names a rule.", key)
		}
		seen[key] = true
		if wrong < maxAtPlace && summary != "" {
			l.error(itemRange(attr.Expr, i), summary, detail)
		}
		if summary != "" {
			wrong++
		}
	}
	return wrong == 0
}

func badKey(key string) (summary, detail string) {
	switch {
	case key == "":
		return "Empty key", "A key of for_each is part of a rule's name and cannot be empty."
	case len(key) > maxKeyBytes:
		return "Key too long", fmt.Sprintf("A key of for_each is part of a rule's name and may have at most %d bytes. This one has %d.", maxKeyBytes, len(key))
	case strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "Invalid key", fmt.Sprintf("A key of for_each is part of a rule's name, and %q has a character that cannot be printed.", key)
	}
	return "", ""
}

// itemRange is where item i is written, or the whole expression if it is not a list that is written out.
func itemRange(expr hclsyntax.Expression, i int) hcl.Range {
	if items, diags := hcl.ExprList(expr); !diags.HasErrors() && i < len(items) {
		return items[i].Range()
	}
	return expr.Range()
}

// eachReference checks each.key and each.value.
func (l *loader) eachReference(t hcl.Traversal) bool {
	if l.each == nil {
		l.error(t.SourceRange(), "No for_each here", `"each" exists in the expressions of a rule that has for_each.`)
		return false
	}
	if name, ok := memberName(t); ok && name != "key" && name != "value" {
		l.error(t.SourceRange(), "Unknown attribute", fmt.Sprintf("each has no attribute %q.%s", name, didYouMean(name, []string{"key", "value"}, "attributes")))
		return false
	}
	return true
}

// Repeats filters the diagnostics of the rules that for_each makes of one block: a mistake is reported once, and one that depends on
// each for the first three rules that have it.
type Repeats struct {
	files map[string]*file
	seen  map[string]bool
	// places counts the diagnostics of one summary at one place.
	places map[string]int
}

// Repeats returns a filter that has seen nothing.
func (c *Config) Repeats() *Repeats {
	return &Repeats{files: c.files, seen: map[string]bool{}, places: map[string]int{}}
}

// Filter returns the diagnostics about a rule that are to be reported. Those about a line that uses each name the rule.
func (s *Repeats) Filter(r *Rule, diags hcl.Diagnostics) hcl.Diagnostics {
	if r.Name == r.Block {
		return diags
	}
	var kept hcl.Diagnostics
	for _, d := range diags {
		place := fmt.Sprint(d.Summary, d.Subject)
		if s.seen[place+d.Detail] || s.places[place] == maxAtPlace {
			continue
		}
		s.seen[place+d.Detail] = true
		s.places[place]++
		c := *d
		if s.usesEach(d.Subject) {
			c.Detail += " This is in rule " + r.Name + "."
		}
		kept = append(kept, &c)
	}
	return kept
}

func (s *Repeats) usesEach(at *hcl.Range) bool {
	f := s.files[at.Filename]
	if f == nil {
		return false
	}
	line, _, _ := f.line(at.Start.Line)
	return bytes.Contains(line, []byte("each."))
}
