package app

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pointsman/pointsman/core/rule"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

const (
	// maxArgumentChanges is how many arguments an example shows, and maxShownValue how many bytes of a value.
	maxArgumentChanges = 50
	maxShownValue      = 400
	// shownBefore is how much of a long value stands before its first difference.
	shownBefore = 40
)

// argumentChanges returns the arguments that differ. With one delivery only, that is all of them.
func argumentChanges(now, planned *rule.Delivery) []*adminv1.ArgumentChange {
	if failed(now) || failed(planned) {
		return nil // the error says why there are no arguments
	}
	x, y := leavesOf(now), leavesOf(planned)
	names := make([]string, 0, len(x)+len(y))
	for name := range x {
		names = append(names, name)
	}
	for name := range y {
		if _, both := x[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []*adminv1.ArgumentChange
	for _, name := range names {
		if x[name] == y[name] || len(out) == maxArgumentChanges {
			continue
		}
		a, b := around(x[name], y[name])
		out = append(out, &adminv1.ArgumentChange{Name: name, Now: conceal(now, name, a), Planned: conceal(planned, name, b)})
	}
	return out
}

func failed(d *rule.Delivery) bool { return d != nil && d.Err != nil }

// leavesOf returns the values in the arguments of a delivery that are no objects or lists, as JSON, by name.
func leavesOf(d *rule.Delivery) map[string]string {
	out := map[string]string{}
	if d == nil {
		return out
	}
	if v, err := decodeJSON(d.Arguments); err == nil {
		addLeaves(out, "", v)
	}
	return out
}

func addLeaves(out map[string]string, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			addLeaves(out, strings.TrimPrefix(name+"."+key, "."), inner)
		}
		if len(v) == 0 && name != "" {
			out[name] = "{}"
		}
	case []any:
		for i, inner := range v {
			addLeaves(out, fmt.Sprintf("%s[%d]", name, i), inner)
		}
		if len(v) == 0 {
			out[name] = "[]"
		}
	default:
		out[name] = jsonText(v)
	}
}

// jsonText is a value as JSON for people: without escapes for HTML.
func jsonText(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // what was decoded encodes
	return strings.TrimSuffix(b.String(), "\n")
}

// conceal replaces the value of a sensitive argument.
func conceal(d *rule.Delivery, name, value string) string {
	if d == nil || value == "" {
		return value
	}
	plain := withoutIndexes(name)
	for sensitive := range strings.FieldsSeq(d.Sensitive) {
		if plain == sensitive || strings.HasPrefix(plain, sensitive+".") {
			return "(sensitive)"
		}
	}
	return value
}

// withoutIndexes is the name as a schema has it: "auth[0].token" is "auth.token".
func withoutIndexes(name string) string {
	for {
		head, rest, ok := strings.Cut(name, "[")
		if !ok {
			return name
		}
		_, tail, _ := strings.Cut(rest, "]")
		name = head + tail
	}
}

// around cuts two values to what stands around their first difference.
func around(a, b string) (string, string) {
	if len(a) <= maxShownValue && len(b) <= maxShownValue {
		return a, b
	}
	first := 0
	for first < min(len(a), len(b)) && a[first] == b[first] {
		first++
	}
	if a == "" || b == "" {
		first = 0
	}
	start := max(0, first-shownBefore)
	return window(a, start), window(b, start)
}

// window returns at most maxShownValue bytes of a text, whole characters only, with a mark where something is left out.
func window(text string, start int) string {
	if text == "" {
		return ""
	}
	for start > 0 && start < len(text) && !utf8.RuneStart(text[start]) {
		start--
	}
	start = min(start, len(text))
	end := min(len(text), start+maxShownValue)
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	out := text[start:end]
	if start > 0 {
		out = "…" + out
	}
	if end < len(text) {
		out += "…"
	}
	return out
}
