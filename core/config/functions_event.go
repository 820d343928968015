package config

import (
	"errors"

	"github.com/zclconf/go-cty/cty"
)

var eventFunctions = []FunctionDoc{
	{
		Signature: "cloudevent(event)", Doc: "Returns the event as JSON text in the form of CloudEvents 1.0. Its argument is always event.", RulesOnly: true,
		impl: typedFunc(cty.String, []cty.Type{cty.DynamicPseudoType}, nil, func([]cty.Value) (cty.Value, error) {
			return cty.NilVal, errors.New("only the event can be written so, in a rule")
		}),
		Examples: []FunctionExample{{`jsondecode(cloudevent(event)).specversion`, `"1.0"`}},
	},
}
