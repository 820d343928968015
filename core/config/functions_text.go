package config

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"github.com/zclconf/go-cty/cty/gocty"
)

var textFunctions = []FunctionDoc{
	{
		Signature: "lower(s)", Doc: "Converts the string to lower case.", impl: stdlib.LowerFunc,
		Examples: []FunctionExample{{`lower("IMG.PNG")`, `"img.png"`}},
	},
	{
		Signature: "upper(s)", Doc: "Converts the string to upper case.", impl: stdlib.UpperFunc,
		Examples: []FunctionExample{{`upper("eu-north-1")`, `"EU-NORTH-1"`}},
	},
	{
		Signature: "title(s)", Doc: "Converts the first letter of each word to upper case.", impl: stdlib.TitleFunc,
		Examples: []FunctionExample{{`title("disk almost full")`, `"Disk Almost Full"`}},
	},
	{
		Signature: "trimspace(s)", Doc: "Removes white space from both ends of the string.", impl: stdlib.TrimSpaceFunc,
		Examples: []FunctionExample{{`trimspace("  done\n")`, `"done"`}},
	},
	{
		Signature: "trim(s, chars)", Doc: "Removes any of the given characters from both ends of the string.", impl: stdlib.TrimFunc,
		Examples: []FunctionExample{{`trim("?!hello?!", "!?")`, `"hello"`}},
	},
	{
		Signature: "trimprefix(s, prefix)", Doc: "Removes the prefix, if the string starts with it.", impl: stdlib.TrimPrefixFunc,
		Examples: []FunctionExample{{`trimprefix("img/2026/a.png", "img/")`, `"2026/a.png"`}},
	},
	{
		Signature: "trimsuffix(s, suffix)", Doc: "Removes the suffix, if the string ends with it.", impl: stdlib.TrimSuffixFunc,
		Examples: []FunctionExample{{`trimsuffix("a.png", ".png")`, `"a"`}},
	},
	{
		Signature: "chomp(s)", Doc: "Removes the newlines at the end of the string.", impl: stdlib.ChompFunc,
		Examples: []FunctionExample{{`chomp("done\n\n")`, `"done"`}},
	},
	{
		Signature: "indent(spaces, s)", Doc: "Puts up to 1000 spaces before every line but the first.", impl: checked(stdlib.IndentFunc, checkIndent),
		Examples: []FunctionExample{{`"- ${indent(2, "one\ntwo")}"`, `"- one\n  two"`}},
	},
	{
		Signature: "replace(s, old, new)", Doc: "Replaces every occurrence of old by new. Unlike Terraform's it never takes old for a regular expression; that is regexreplace.", impl: replaceFunc,
		Examples: []FunctionExample{{`replace("a/b/c", "/", "-")`, `"a-b-c"`}},
	},
	{
		Signature: "split(separator, s)", Doc: "Splits the string at each separator into a list.", impl: stdlib.SplitFunc,
		Examples: []FunctionExample{{`split("/", "img/2026/a.png")`, `["img", "2026", "a.png"]`}},
	},
	{
		Signature: "join(separator, lists...)", Doc: "Joins the strings of the lists with the separator between them.", impl: joinFunc,
		Examples: []FunctionExample{{`join(", ", ["a", "b"])`, `"a, b"`}},
	},
	{
		Signature: "format(spec, values...)", Doc: `Formats the values by a format string such as "%s: %d" or "%.1f", with at most 100 verbs and widths up to 1000.`, impl: formatFunc,
		Examples: []FunctionExample{{`format("%s has %d bytes, %.1f KiB", "a.png", 2048, 2048 / kb)`, `"a.png has 2048 bytes, 2.0 KiB"`}},
	},
	{
		Signature: "substr(s, offset, length)", Doc: "Returns part of the string, counted in characters. A negative offset counts from the end; length -1 means up to the end.", impl: stdlib.SubstrFunc,
		Examples: []FunctionExample{{`substr("2026-11-27", 0, 4)`, `"2026"`}, {`substr("2026-11-27", -2, -1)`, `"27"`}},
	},
	{
		Signature: "startswith(s, prefix)", Doc: "Reports whether the string starts with the prefix.",
		impl:     textFunc(cty.Bool, 2, func(a []string) (cty.Value, error) { return cty.BoolVal(strings.HasPrefix(a[0], a[1])), nil }),
		Examples: []FunctionExample{{`startswith("img/a.png", "img/")`, `true`}},
	},
	{
		Signature: "endswith(s, suffix)", Doc: "Reports whether the string ends with the suffix.",
		impl:     textFunc(cty.Bool, 2, func(a []string) (cty.Value, error) { return cty.BoolVal(strings.HasSuffix(a[0], a[1])), nil }),
		Examples: []FunctionExample{{`endswith("img/a.png", ".jpg")`, `false`}},
	},
	{
		Signature: "strcontains(s, part)", Doc: "Reports whether the part is in the string.",
		impl:     textFunc(cty.Bool, 2, func(a []string) (cty.Value, error) { return cty.BoolVal(strings.Contains(a[0], a[1])), nil }),
		Examples: []FunctionExample{{`strcontains("disk full on web-1", "full")`, `true`}},
	},
}

const maxIndent = 1000

func checkIndent(args []cty.Value) error {
	spaces := args[0]
	if spaces, _ = spaces.Unmark(); !spaces.IsKnown() || spaces.IsNull() {
		return nil
	}
	var n int
	if err := gocty.FromCtyValue(spaces, &n); err != nil || n < 0 || n > maxIndent {
		return function.NewArgErrorf(0, "a whole number from 0 to %d is needed", maxIndent)
	}
	if strings.Count(knownText(args[1]), "\n")*n > maxResultBytes {
		return errResultTooLong
	}
	return nil
}
