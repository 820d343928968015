package main

import (
	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/gateway"
)

// settings is the block `settings`.
type settings struct {
	Source     string            `pointsman:"source" doc:"Name of the websocket source whose connections receive the messages. Default: the event's own, or the only one there is."`
	APIGateway *gateway.Settings `pointsman:"apigateway" doc:"Send to connections of an Amazon API Gateway, which a DynamoDB table lists, in place of a source's."`
}

// check looks at what the schema cannot say.
func check(s settings) []sdk.Diagnostic {
	if s.APIGateway == nil {
		return nil
	}
	var ds sdk.Diagnostics
	if s.Source != "" {
		ds.Add("source", "there are two ways to the connections", "Keep either source or the block apigateway.")
	}
	if s.APIGateway.Table == "" {
		ds.Add("apigateway.table", "a table of the connections is needed", "")
	}
	s.APIGateway.Check(&ds, "apigateway.")
	return ds
}
