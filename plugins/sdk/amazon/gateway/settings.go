// Package gateway sends to the WebSocket connections of an Amazon API Gateway.
package gateway

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/partition"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Settings name a stage of an API and the DynamoDB table of its connections. Embed them in a block.
type Settings struct {
	Endpoint string `pointsman:"endpoint,required" doc:"The API's stage: \"https://<api>.execute-api.<region>.amazonaws.com/<stage>\"."`
	amazon.Account
	Table            string `pointsman:"table" doc:"DynamoDB table of the connections: hash key connectionId, attribute room."`
	Index            string `pointsman:"index,default=room-index" doc:"Its global secondary index by room."`
	DynamoDBEndpoint string `pointsman:"dynamodb_endpoint" doc:"Address of DynamoDB in place of the region's own: a VPC endpoint, or a server for tests."`
}

// tableName is also the form of an index's name.
var tableName = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`)

// Check reports what the schema cannot. block is the path of the block with a dot at its end. A table is optional.
func (s Settings) Check(ds *schema.Diagnostics, block string) {
	s.checkStage(ds, block+"endpoint")
	amazon.CheckEndpoint(ds, block+"dynamodb_endpoint", s.DynamoDBEndpoint, "https://dynamodb.eu-west-1.amazonaws.com")
	s.Account.Check(ds, block, s.DynamoDBEndpoint != "")
	const want = "A name has 3 to 255 letters, digits, dots, - or _."
	if s.Table != "" && !tableName.MatchString(s.Table) {
		ds.Add(block+"table", "DynamoDB has no such names", want)
	}
	if !tableName.MatchString(s.Index) {
		ds.Add(block+"index", "DynamoDB has no such names", want)
	}
}

func (s Settings) checkStage(ds *schema.Diagnostics, path string) {
	u, err := url.Parse(s.Endpoint)
	switch {
	case err != nil:
	case u.Scheme == "wss" || u.Scheme == "ws":
		ds.Add(path, "this is where clients connect", `Messages are sent over HTTP: write "https" in place of "`+u.Scheme+`".`)
		return
	case strings.Contains(u.Path, "@connections"):
		ds.Add(path, "want the stage alone", "Leave /@connections out.")
	case strings.Contains(u.Hostname(), ".execute-api.") && partition.OfHost(u.Hostname()) == "":
		ds.Add(path, "the host is in no AWS partition known here", "The known ones are "+strings.Join(partition.Names(), ", ")+".")
	}
	if s.Endpoint == "" {
		ds.Add(path, "want the URL of the API's stage", "")
	}
	amazon.CheckEndpoint(ds, path, s.Endpoint, "https://<api>.execute-api.<region>.amazonaws.com/<stage>")
}
