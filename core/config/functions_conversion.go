package config

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var conversionFunctions = []FunctionDoc{
	{
		Signature: "tostring(x)", Doc: "Converts a number or bool to a string.", impl: stdlib.MakeToFunc(cty.String), Returns: "string",
		Examples: []FunctionExample{{`tostring(1.5)`, `"1.5"`}},
	},
	{
		Signature: "tonumber(x)", Doc: "Parses a string as a number.", impl: toNumberFunc, Returns: "number",
		Examples: []FunctionExample{{`tonumber("1.5")`, `1.5`}},
	},
	{
		Signature: "tobool(x)", Doc: `Parses "true" or "false" as a bool.`, impl: stdlib.MakeToFunc(cty.Bool), Returns: "bool",
		Examples: []FunctionExample{{`tobool("true")`, `true`}},
	},
	{
		Signature: "tolist(x)", Doc: "Converts a set or list to a list whose elements have one type.", impl: stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), Returns: "list",
		Examples: []FunctionExample{{`tolist(["a", 1])`, `["a", "1"]`}},
	},
	{
		Signature: "toset(x)", Doc: "Converts a list to a set: each element once, sorted.", impl: stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)), Returns: "set",
		Examples: []FunctionExample{{`toset(["b", "a", "b"])`, `["a", "b"]`}},
	},
	{
		Signature: "tomap(x)", Doc: "Converts an object to a map whose values have one type.", impl: stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)), Returns: "map",
		Examples: []FunctionExample{{`tomap({ a = "x", b = 2 })`, `{ a = "x", b = "2" }`}},
	},
}
