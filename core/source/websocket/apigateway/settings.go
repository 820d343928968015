package apigateway

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/source/websocket"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// check refuses settings of the other mode, and values that API Gateway or DynamoDB would refuse.
func check(s *websocket.Settings) error {
	if s.APIGateway == nil {
		return errors.New(`mode = "apigateway" requires the block apigateway`)
	}
	defaults := websocket.DefaultSettings()
	return errors.Join(checkForeign(s, defaults), checkLimits(*s.Limits, *defaults.Limits), checkAPI(s.APIGateway))
}

// checkForeign refuses settings of the native mode that API Gateway decides.
func checkForeign(s, defaults *websocket.Settings) error {
	const authorizer = "API Gateway authenticates clients: give its $connect route an authorizer"
	var errs []error
	for _, foreign := range []struct {
		name, why string
		set       bool
	}{
		{"tokens", authorizer, len(s.Tokens) > 0},
		{"jwt", authorizer, s.JWT != nil},
		{"origins", authorizer, len(s.Origins) > 0},
		{"subprotocols", "API Gateway answers the handshake and supports none", len(s.Subprotocols) > 0},
		{"route", "API Gateway selects the route: set route_selection_expression of the API", s.Route != ""},
		{"management_tokens", "the API has its own @connections", len(s.ManagementTokens) > 0},
		{"ping_interval", "API Gateway maintains the connections", s.PingInterval != defaults.PingInterval},
		{"access_log", "the API's stage writes one", s.AccessLog != defaults.AccessLog},
		{"page", "browsers connect to the API and not to the router", s.Page != ""},
	} {
		if foreign.set {
			errs = append(errs, fmt.Errorf(`%s: has no effect with mode = "apigateway": %s`, foreign.name, foreign.why))
		}
	}
	return errors.Join(append(errs, s.CheckRoutes())...)
}

// checkLimits refuses limits that only the API can enforce.
func checkLimits(l, defaults websocket.Limits) error {
	const maxMessage = 128 << 10 // limit of API Gateway
	var errs []error
	if l.Message < 1 || l.Message > maxMessage {
		errs = append(errs, fmt.Errorf("limits.message_bytes: want 1 to %d", maxMessage))
	}
	if l.Age < time.Minute {
		errs = append(errs, errors.New("limits.age: want at least 1m: the maximum age of connections that the API allows"))
	}
	l.Message, l.Age = defaults.Message, defaults.Age
	if l != defaults {
		errs = append(errs, errors.New(`limits: only message_bytes and age have an effect with mode = "apigateway": API Gateway and the settings of its stage limit the rest`))
	}
	return errors.Join(errs...)
}

func checkAPI(g *websocket.APIGateway) error {
	var errs []error
	for _, d := range diagnose(g) {
		if !d.Warning {
			errs = append(errs, errors.New(describe(d)))
		}
	}
	if (g.Table == "") == (g.File == "") {
		errs = append(errs, errors.New("apigateway: set either table (a DynamoDB table) or file"))
	}
	return errors.Join(errs...)
}

func diagnose(g *websocket.APIGateway) (ds schema.Diagnostics) {
	g.Check(&ds, "apigateway.")
	return ds
}

func describe(d schema.Diagnostic) string {
	return strings.TrimSpace(d.Error() + ". " + d.Detail)
}

// warnings describe settings that are valid and probably not intended.
func warnings(s *websocket.Settings) []string {
	var w []string
	for _, d := range diagnose(s.APIGateway) {
		w = append(w, describe(d))
	}
	if !s.RequireMembership {
		w = append(w, "require_membership = false: a client can send to rooms that it is not in")
	}
	return w
}

// bodyLimit returns the maximum size of a request body: the longest message, in Base64 if binary messages are allowed.
func bodyLimit(s *websocket.Settings) int64 {
	if s.Binary {
		return int64(base64.StdEncoding.EncodedLen(s.Limits.Message))
	}
	return int64(s.Limits.Message)
}
