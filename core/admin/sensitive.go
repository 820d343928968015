package admin

import (
	"bytes"
	"encoding/json"
	"strings"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// withheld replaces what must not be shown.
const withheld = "(sensitive)"

// withhold replaces a text, unless it is empty.
func withhold(text string) string {
	if text == "" {
		return ""
	}
	return withheld
}

// MaskArguments returns a delivery's arguments, a JSON object, with those replaced that names has: separated by spaces, with dots for
// those in blocks. A block may be an object or a list of objects.
func MaskArguments(arguments []byte, names string) string {
	paths := strings.Fields(names)
	if len(paths) == 0 || len(arguments) == 0 {
		return string(arguments)
	}
	return rewrite(arguments, func(object map[string]any) {
		for _, path := range paths {
			maskPath(object, strings.Split(path, "."))
		}
	})
}

// maskAllArguments returns a delivery's arguments with every value replaced.
func maskAllArguments(arguments []byte) string {
	if len(arguments) == 0 {
		return ""
	}
	return rewrite(arguments, func(object map[string]any) {
		for name := range object {
			object[name] = withheld
		}
	})
}

// rewrite changes a JSON object. It returns nothing of a text that is none.
func rewrite(text []byte, change func(map[string]any)) string {
	var object map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // numbers stay as they are written
	if err := d.Decode(&object); err != nil {
		return ""
	}
	change(object)
	return string(appendJSON(nil, object))
}

func maskPath(v any, path []string) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			maskPath(element, path)
		}
	case map[string]any:
		inner, there := v[path[0]]
		if !there {
			return
		}
		if len(path) == 1 || !isBlock(inner) {
			v[path[0]] = withheld
			return
		}
		maskPath(inner, path[1:])
	}
}

// isBlock reports whether a value is a block, or a list of nothing else.
func isBlock(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return true
	case []any:
		for _, element := range v {
			if !isBlock(element) {
				return false
			}
		}
		return true
	}
	return false
}

// WithholdContent removes what the content of a sensitive event may have put into the results of rules.
func WithholdContent(rules []*adminv1.RuleResult) {
	for _, r := range rules {
		r.Error = withhold(r.Error)
		withholdReads(r.Clauses)
		for _, d := range r.Deliveries {
			d.ArgumentsJson, d.OrderKey, d.Error = maskAllArguments([]byte(d.ArgumentsJson)), withhold(d.OrderKey), withhold(d.Error)
		}
	}
}

func withholdReads(clauses []*adminv1.Clause) {
	for _, c := range clauses {
		for _, r := range c.Reads {
			r.ValueJson = withhold(r.ValueJson)
		}
		withholdReads(c.Parts)
	}
}

// appendJSON appends a value that can be encoded, without escaping it for HTML.
func appendJSON(buf []byte, v any) []byte {
	b := bytes.NewBuffer(buf)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // every value that is given encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
