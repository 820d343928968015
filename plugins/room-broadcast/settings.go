package main

import (
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/pointsman/pointsman/plugins/room-broadcast/apigateway"
	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// settings is the block `settings`.
type settings struct {
	Source     string              `pointsman:"source" doc:"Name of the websocket source whose connections are spoken to. Default: the event's own, or the only one there is."`
	APIGateway *apiGatewaySettings `pointsman:"apigateway" doc:"Speak to connections of an Amazon API Gateway, which a DynamoDB table lists, in place of a source's."`
}

// apiGatewaySettings is the block `apigateway`.
type apiGatewaySettings struct {
	Endpoint         string        `pointsman:"endpoint,required" doc:"The API's stage: \"https://<api>.execute-api.<region>.amazonaws.com/<stage>\"."`
	Region           string        `pointsman:"region,required" doc:"Region of the API and of the table, such as \"eu-west-1\"."`
	AccessKey        schema.Secret `pointsman:"access_key" doc:"Default, with secret_key: what Amazon's tools find (environment, ~/.aws, the machine's role)."`
	SecretKey        schema.Secret `pointsman:"secret_key" doc:"Goes with access_key."`
	SessionToken     schema.Secret `pointsman:"session_token" doc:"Of temporary keys."`
	Table            string        `pointsman:"table,required" doc:"DynamoDB table of the connections: hash key connectionId, attribute room."`
	Index            string        `pointsman:"index,default=room-index" doc:"Its global secondary index by room."`
	DynamoDBEndpoint string        `pointsman:"dynamodb_endpoint" doc:"Address of DynamoDB in place of Amazon's own: a VPC endpoint, or a server for tests."`
}

func (s *apiGatewaySettings) options() apigateway.Options {
	return apigateway.Options{
		Endpoint: s.Endpoint, Region: s.Region, AccessKey: s.AccessKey, SecretKey: s.SecretKey, SessionToken: s.SessionToken,
		Table: s.Table, Index: s.Index, DynamoDBEndpoint: s.DynamoDBEndpoint,
	}
}

var (
	regionName = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)
	// tableName is also the form of an index's name.
	tableName = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`)
)

// check looks at what the schema cannot say.
func check(s settings) []sdk.Diagnostic {
	var ds problems
	g := s.APIGateway
	if g == nil {
		return nil
	}
	if s.Source != "" {
		ds.add("source", "there are two ways to the connections", "Keep either source or the block apigateway.")
	}
	ds.checkURL("apigateway.endpoint", g.Endpoint, "https://<api>.execute-api.<region>.amazonaws.com/<stage>")
	if strings.Contains(g.Endpoint, "@connections") {
		ds.add("apigateway.endpoint", "want the stage alone", "Leave /@connections out.")
	}
	if g.DynamoDBEndpoint != "" {
		ds.checkURL("apigateway.dynamodb_endpoint", g.DynamoDBEndpoint, "https://dynamodb.eu-west-1.amazonaws.com")
	}
	if !regionName.MatchString(g.Region) {
		ds.add("apigateway.region", "want the name of a region", `For example "eu-west-1".`)
	}
	for path, name := range map[string]string{"apigateway.table": g.Table, "apigateway.index": g.Index} {
		if !tableName.MatchString(name) {
			ds.add(path, "DynamoDB has no such names", "A name has 3 to 255 letters, digits, dots, - or _.")
		}
	}
	if g.AccessKey.IsZero() != g.SecretKey.IsZero() {
		ds.add("apigateway.access_key", "access_key and secret_key go together", "Set both, or none to have Amazon's usual places looked into.")
	} else if !g.SessionToken.IsZero() && g.AccessKey.IsZero() {
		ds.add("apigateway.session_token", "session_token needs access_key and secret_key", "")
	}
	return ds
}

// problems collects diagnostics.
type problems []sdk.Diagnostic

func (ds *problems) add(path, summary, detail string) {
	*ds = append(*ds, sdk.Diagnostic{Path: path, Summary: summary, Detail: detail})
}

func (ds *problems) checkURL(path, text, example string) {
	u, err := url.Parse(text)
	switch {
	case err == nil && (u.Scheme == "wss" || u.Scheme == "ws"):
		ds.add(path, "this is where clients connect", `Messages are sent over HTTP: write "https" in place of "`+u.Scheme+`".`)
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		ds.add(path, "is not the URL of a server", "It looks like "+example+".")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		*ds = append(*ds, sdk.Diagnostic{
			Path: path, Summary: "messages cross the network in clear text", Detail: "Use https.", Warning: true,
		})
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
