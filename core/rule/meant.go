package rule

import (
	"fmt"
	"strings"

	"github.com/pointsman/pointsman/core/config"
)

// What people write who know other languages, and fields that are somewhere else. core/config knows what does not parse.

var meantNames = map[string]string{
	"none": "null", "nil": "null", "undefined": "null", "null": "null", "true": "true", "false": "false",
	"this": "event", "self": "event", "msg": "event.data", "message": "event.data", "payload": "event.data", "now": "event.received",
}

var meantFunctions = map[string]string{
	"has": "x != null", "exists": "x != null", "defined": "x != null", "isset": "x != null", "isnull": "x == null", "is_null": "x == null", "empty": `x == ""`,
	"size": "length(x)", "len": "length(x)", "count": "length(x)", "strlen": "length(x)", "not": "!(x) for not",
	"matches": `can(regex("pattern", x))`, "match": `can(regex("pattern", x))`, "test": `can(regex("pattern", x))`, "regex_match": `can(regex("pattern", x))`, "regexp": `can(regex("pattern", x))`,
	"any": "anytrue([for x in list : ...])", "some": "anytrue([for x in list : ...])", "all": "alltrue([for x in list : ...])", "every": "alltrue([for x in list : ...])",
	"map": "[for x in list : ...]", "filter": "[for x in list : x if ...]", "select": "[for x in list : x if ...]",
	"includes": `strcontains(text, "part"), or contains(list, x)`, "like": `strcontains(text, "part")`, "indexof": `strcontains(text, "part")`,
	"substring": "substr(text, 0, 5)", "tolower": "lower(text)", "lowercase": "lower(text)", "toupper": "upper(text)", "uppercase": "upper(text)", "strip": "trimspace(text)",
	"nvl": "coalesce(a, b)", "ifnull": "coalesce(a, b)", "default": "coalesce(a, b)", "str": "tostring(x)", "string": "tostring(x)", "int": "tonumber(x)", "float": "tonumber(x)", "number": "tonumber(x)",
	"now": "event.received, the time of the event", "timestamp": "event.received, the time of the event", "fromjson": "jsondecode(text)", "parse_json": "jsondecode(text)", "tojson": "jsonencode(x)",
	"if": "condition ? a : b", "getenv": "var.name, a variable", "printf": "format(spec, values...)", "sprintf": "format(spec, values...)",
}

// meantBy is a sentence with what a name of another language is called here, or empty.
func meantBy(names map[string]string, name string) string {
	if here := names[strings.ToLower(name)]; here != "" {
		return fmt.Sprintf(" Write %s.", here)
	}
	return ""
}

// elsewhere finds a field by its name in the messages of m, and returns its path.
func (m *message) elsewhere(name string) string {
	for _, f := range m.fields {
		inner := f.expr.fields
		if inner == nil {
			continue
		}
		if inner.field(name) != nil {
			return inner.path + "." + name
		}
		if path := inner.elsewhere(name); path != "" {
			return path
		}
	}
	return ""
}

// suggestField says where a field is that m does not have.
func (m *message) suggestField(name string) string {
	if path := m.elsewhere(name); path != "" {
		return fmt.Sprintf(" Did you mean %q? Known: %s.", path, strings.Join(m.names(), ", "))
	}
	return didYouMean(name, m.names())
}

// insideText explains what may be meant by a member of a text.
func (c *compiler) insideText(x *expr, name string) string {
	path := x.at.text()
	switch strings.ToLower(name) {
	case "length", "size", "len", "count":
		return fmt.Sprintf(" Write length(%s).", path)
	}
	steps := strings.Split(path, ".")
	m := c.event.fields
	for i, step := range steps[1:] {
		if m == nil || steps[0] != "event" {
			return ""
		}
		if i == len(steps)-2 && m.field(step+"_json") != nil {
			return fmt.Sprintf(" The %s is text; its JSON is %s_json.%s.", step, path, name)
		}
		inner := m.field(step)
		if inner == nil {
			return ""
		}
		m = inner.fields
	}
	return ""
}

// numberIn says how to write a size or a duration as a number.
func numberIn(text string) string {
	if _, err := config.ParseSize(text); err == nil {
		return fmt.Sprintf(" Write bytes(%q).", text)
	}
	if _, err := config.ParseDuration(text); err == nil {
		return fmt.Sprintf(" Write duration(%q), in seconds.", text)
	}
	return ""
}
