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

// Functions describes all functions, in the order of their documentation. All are pure except env, file and
// file_raw, which rules cannot call.
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
	{Name: "lower", Signature: "lower(s)", Doc: "Converts the string to lower case.", impl: stdlib.LowerFunc},
	{Name: "upper", Signature: "upper(s)", Doc: "Converts the string to upper case.", impl: stdlib.UpperFunc},
	{Name: "trimspace", Signature: "trimspace(s)", Doc: "Removes white space from both ends of the string.", impl: stdlib.TrimSpaceFunc},
	{Name: "trim", Signature: "trim(s, chars)", Doc: "Removes any of the given characters from both ends of the string.", impl: stdlib.TrimFunc},
	{Name: "trimprefix", Signature: "trimprefix(s, prefix)", Doc: "Removes the prefix, if the string starts with it.", impl: stdlib.TrimPrefixFunc},
	{Name: "trimsuffix", Signature: "trimsuffix(s, suffix)", Doc: "Removes the suffix, if the string ends with it.", impl: stdlib.TrimSuffixFunc},
	{Name: "replace", Signature: "replace(s, old, new)", Doc: "Replaces every occurrence of old by new.", impl: replaceFunc},
	{Name: "split", Signature: "split(separator, s)", Doc: "Splits the string at each separator into a list.", impl: stdlib.SplitFunc},
	{Name: "join", Signature: "join(separator, list)", Doc: "Joins the strings of the list with the separator between them.", impl: joinFunc},
	{Name: "format", Signature: "format(spec, values...)", Doc: `Formats the values by a format string such as "%s: %d" or "%.1f", with at most 100 verbs and widths up to 1000.`, impl: formatFunc},
	{Name: "substr", Signature: "substr(s, offset, length)", Doc: "Returns part of the string, counted in characters. A negative offset counts from the end; length -1 means up to the end.", impl: stdlib.SubstrFunc},
	{Name: "startswith", Signature: "startswith(s, prefix)", Doc: "Reports whether the string starts with the prefix.", impl: startsWithFunc},
	{Name: "endswith", Signature: "endswith(s, suffix)", Doc: "Reports whether the string ends with the suffix.", impl: endsWithFunc},
	{Name: "contains", Signature: "contains(list_or_string, x)", Doc: "Reports whether the list contains the element, or the string the substring.", impl: containsFunc},
	{Name: "matches", Signature: "matches(pattern, s)", Doc: "Reports whether any part of the string matches the regular expression (RE2, at most 1 KiB; anchor it with ^ and $).", impl: matchesFunc},
	{Name: "glob", Signature: "glob(pattern, s)", Doc: "Reports whether the whole string matches the glob pattern: * matches anything but /, ** anything, ? one character, [a-z] a class.", impl: globFunc},
	{Name: "cidr_contains", Signature: "cidr_contains(prefix, ip)", Doc: `Reports whether the IP address is in the prefix, such as "10.0.0.0/8".`, impl: cidrContainsFunc},
	{Name: "length", Signature: "length(x)", Doc: "Counts the characters of a string, or the elements of a list or object.", impl: lengthFunc},
	{Name: "concat", Signature: "concat(lists...)", Doc: "Joins lists into one.", impl: stdlib.ConcatFunc},
	{Name: "coalesce", Signature: "coalesce(values...)", Doc: "Returns the first value that is not null.", impl: stdlib.CoalesceFunc},
	{Name: "get", Signature: "get(object, path, default)", Doc: `Returns the value at a path such as "a.b.0.c", or the default (null if omitted) when there is none.`, impl: getFunc},
	{Name: "min", Signature: "min(numbers...)", Doc: "Returns the smallest number.", impl: stdlib.MinFunc},
	{Name: "max", Signature: "max(numbers...)", Doc: "Returns the largest number.", impl: stdlib.MaxFunc},
	{Name: "abs", Signature: "abs(n)", Doc: "Returns the absolute value of the number.", impl: stdlib.AbsoluteFunc},
	{Name: "ceil", Signature: "ceil(n)", Doc: "Rounds the number up.", impl: stdlib.CeilFunc},
	{Name: "floor", Signature: "floor(n)", Doc: "Rounds the number down.", impl: stdlib.FloorFunc},
	{Name: "parseint", Signature: "parseint(s, base)", Doc: "Parses a string as a whole number in a base from 2 to 62.", impl: stdlib.ParseIntFunc},
	{Name: "tostring", Signature: "tostring(x)", Doc: "Converts a number or bool to a string.", impl: stdlib.MakeToFunc(cty.String)},
	{Name: "tonumber", Signature: "tonumber(x)", Doc: "Parses a string as a number.", impl: toNumberFunc},
	{Name: "tobool", Signature: "tobool(x)", Doc: `Parses "true" or "false" as a bool.`, impl: stdlib.MakeToFunc(cty.Bool)},
	{Name: "jsondecode", Signature: "jsondecode(s)", Doc: "Parses JSON text.", impl: jsonDecodeFunc},
	{Name: "jsonencode", Signature: "jsonencode(x)", Doc: "Encodes the value as JSON text.", impl: stdlib.JSONEncodeFunc},
	{Name: "formatdate", Signature: "formatdate(spec, time)", Doc: `Formats an RFC 3339 time by a layout such as "YYYY-MM-DD hh:mm".`, impl: stdlib.FormatDateFunc},
	{Name: "timecmp", Signature: "timecmp(a, b)", Doc: "Compares two RFC 3339 times: -1 if a is before b, 0 if they are equal, 1 if a is after b.", impl: timeCmpFunc},
	{Name: "duration", Signature: "duration(s)", Doc: `Converts a duration such as "1h30m" or "7d" to seconds.`, impl: durationFunc},
	{Name: "base64encode", Signature: "base64encode(s)", Doc: "Encodes the string in standard base64.", impl: base64EncodeFunc},
	{Name: "base64decode", Signature: "base64decode(s)", Doc: "Decodes standard base64 to a UTF-8 string.", impl: base64DecodeFunc},
	{Name: "sha256", Signature: "sha256(s)", Doc: "Returns the SHA-256 hash of the string in hexadecimal.", impl: sha256Func},
	{Name: "urlencode", Signature: "urlencode(s)", Doc: "Escapes the string for use in the query of a URL.", impl: urlEncodeFunc},
	{Name: "env", Signature: "env(name, default)", Doc: "Reads an environment variable, which must be set if there is no default. Sensitive.", Secret: true},
	{Name: "file", Signature: "file(path)", Doc: "Reads a file without one newline at its end; a relative path starts at the folder of the configuration file. Sensitive.", Secret: true},
	{Name: "file_raw", Signature: "file_raw(path)", Doc: "Reads a file unchanged. Sensitive.", Secret: true},
}
