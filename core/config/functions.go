package config

import (
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// FunctionDoc describes a function of expressions.
type FunctionDoc struct {
	Name string
	// Signature is the call with its parameters: `replace(s, old, new)`.
	Signature string
	Doc       string
	// Secret functions give sensitive values and are not for rules.
	Secret bool

	impl function.Function
}

// Functions describes all functions, in the order of their documentation. None does anything but compute its result from
// its arguments, except env and the two that read files, which rules do not have.
func Functions() []FunctionDoc { return slices.Clone(functions) }

// units are names for sizes: `event.data.object.size > 10 * mb`.
var units = map[string]cty.Value{
	"kb": cty.NumberIntVal(1 << 10),
	"mb": cty.NumberIntVal(1 << 20),
	"gb": cty.NumberIntVal(1 << 30),
}

// secretNames are the functions whose values are marked sensitive.
var secretNames = map[string]bool{"env": true, "file": true, "file_raw": true}

// pureFunctions are those that rules may use.
func pureFunctions() map[string]function.Function {
	m := map[string]function.Function{}
	for _, f := range functions {
		if !f.Secret {
			m[f.Name] = f.impl
		}
	}
	return m
}

var functions = []FunctionDoc{
	{Name: "lower", Signature: "lower(s)", Doc: "The string in lower case.", impl: stdlib.LowerFunc},
	{Name: "upper", Signature: "upper(s)", Doc: "The string in upper case.", impl: stdlib.UpperFunc},
	{Name: "trimspace", Signature: "trimspace(s)", Doc: "The string without white space at its ends.", impl: stdlib.TrimSpaceFunc},
	{Name: "trim", Signature: "trim(s, chars)", Doc: "The string without any of the characters at its ends.", impl: stdlib.TrimFunc},
	{Name: "trimprefix", Signature: "trimprefix(s, prefix)", Doc: "The string without the prefix, if it has it.", impl: stdlib.TrimPrefixFunc},
	{Name: "trimsuffix", Signature: "trimsuffix(s, suffix)", Doc: "The string without the suffix, if it has it.", impl: stdlib.TrimSuffixFunc},
	{Name: "replace", Signature: "replace(s, old, new)", Doc: "The string with every old replaced by new.", impl: stdlib.ReplaceFunc},
	{Name: "split", Signature: "split(separator, s)", Doc: "The parts of the string between separators.", impl: stdlib.SplitFunc},
	{Name: "join", Signature: "join(separator, list)", Doc: "The strings of the list with the separator between them.", impl: stdlib.JoinFunc},
	{Name: "format", Signature: "format(spec, values...)", Doc: `A string made by a format such as "%s: %d" or "%.1f".`, impl: stdlib.FormatFunc},
	{Name: "substr", Signature: "substr(s, offset, length)", Doc: "Part of the string, counted in characters; a negative offset counts from the end, length -1 is the rest.", impl: stdlib.SubstrFunc},
	{Name: "startswith", Signature: "startswith(s, prefix)", Doc: "Whether the string begins with the prefix.", impl: startsWithFunc},
	{Name: "endswith", Signature: "endswith(s, suffix)", Doc: "Whether the string ends with the suffix.", impl: endsWithFunc},
	{Name: "contains", Signature: "contains(list_or_string, x)", Doc: "Whether the list has the element, or the string the part.", impl: containsFunc},
	{Name: "matches", Signature: "matches(pattern, s)", Doc: "Whether a part of the string matches the regular expression (RE2, at most 1 KiB; anchor with ^ and $).", impl: matchesFunc},
	{Name: "glob", Signature: "glob(pattern, s)", Doc: "Whether the whole string matches the pattern: * is anything but /, ** is anything, ? is one character, [a-z] a class.", impl: globFunc},
	{Name: "cidr_contains", Signature: "cidr_contains(prefix, ip)", Doc: `Whether the IP address is in the prefix, such as "10.0.0.0/8".`, impl: cidrContainsFunc},
	{Name: "length", Signature: "length(x)", Doc: "The characters of a string, or the elements of a list or object.", impl: lengthFunc},
	{Name: "concat", Signature: "concat(lists...)", Doc: "The elements of all lists in one.", impl: stdlib.ConcatFunc},
	{Name: "coalesce", Signature: "coalesce(values...)", Doc: "The first value that is not null.", impl: stdlib.CoalesceFunc},
	{Name: "get", Signature: "get(object, path, default)", Doc: `What is at a path such as "a.b.0.c"; the default, or null, when nothing is there.`, impl: getFunc},
	{Name: "min", Signature: "min(numbers...)", Doc: "The smallest number.", impl: stdlib.MinFunc},
	{Name: "max", Signature: "max(numbers...)", Doc: "The greatest number.", impl: stdlib.MaxFunc},
	{Name: "abs", Signature: "abs(n)", Doc: "The number without its sign.", impl: stdlib.AbsoluteFunc},
	{Name: "ceil", Signature: "ceil(n)", Doc: "The number rounded up.", impl: stdlib.CeilFunc},
	{Name: "floor", Signature: "floor(n)", Doc: "The number rounded down.", impl: stdlib.FloorFunc},
	{Name: "parseint", Signature: "parseint(s, base)", Doc: "The whole number that the string is in a base from 2 to 62.", impl: stdlib.ParseIntFunc},
	{Name: "tostring", Signature: "tostring(x)", Doc: "The number or bool as a string.", impl: stdlib.MakeToFunc(cty.String)},
	{Name: "tonumber", Signature: "tonumber(x)", Doc: "The number that a string reads as.", impl: stdlib.MakeToFunc(cty.Number)},
	{Name: "tobool", Signature: "tobool(x)", Doc: `The bool that "true" or "false" reads as.`, impl: stdlib.MakeToFunc(cty.Bool)},
	{Name: "jsondecode", Signature: "jsondecode(s)", Doc: "The value that a JSON text denotes.", impl: stdlib.JSONDecodeFunc},
	{Name: "jsonencode", Signature: "jsonencode(x)", Doc: "The value as JSON text.", impl: stdlib.JSONEncodeFunc},
	{Name: "formatdate", Signature: "formatdate(spec, time)", Doc: `An RFC 3339 time in a form such as "YYYY-MM-DD hh:mm".`, impl: stdlib.FormatDateFunc},
	{Name: "timecmp", Signature: "timecmp(a, b)", Doc: "-1, 0 or 1 as the RFC 3339 time a is before, at or after b.", impl: timeCmpFunc},
	{Name: "duration", Signature: "duration(s)", Doc: `The seconds of a duration such as "1h30m" or "7d".`, impl: durationFunc},
	{Name: "base64encode", Signature: "base64encode(s)", Doc: "The string's bytes in standard base64.", impl: base64EncodeFunc},
	{Name: "base64decode", Signature: "base64decode(s)", Doc: "The UTF-8 string that a standard base64 text holds.", impl: base64DecodeFunc},
	{Name: "sha256", Signature: "sha256(s)", Doc: "The SHA-256 of the string's bytes in hexadecimal.", impl: sha256Func},
	{Name: "urlencode", Signature: "urlencode(s)", Doc: "The string as a part of a URL's query.", impl: urlEncodeFunc},
	{Name: "env", Signature: "env(name, default)", Doc: "An environment variable; without a default it must be set. Sensitive.", Secret: true},
	{Name: "file", Signature: "file(path)", Doc: "A file's text without one newline at its end; the path is relative to the file that says so. Sensitive.", Secret: true},
	{Name: "file_raw", Signature: "file_raw(path)", Doc: "A file's text as it is. Sensitive.", Secret: true},
}
