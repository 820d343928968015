package apigateway

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/source/websocket"
)

var (
	regionName = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)
	// tableName is also the form of an index's name.
	tableName = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`)
)

// check refuses what goes with the other mode only, and values that API Gateway or DynamoDB would refuse.
func check(s *websocket.Settings) error {
	if s.APIGateway == nil {
		return errors.New(`mode = "apigateway" needs the block apigateway`)
	}
	defaults, err := websocket.DecodeSettings([]byte("{}"))
	if err != nil {
		return err
	}
	return errors.Join(checkForeign(s, defaults), checkLimits(*s.Limits, *defaults.Limits), checkAPI(s.APIGateway))
}

// checkForeign refuses what API Gateway does, or does not do, whatever we are told.
func checkForeign(s, defaults *websocket.Settings) error {
	const door = "API Gateway lets clients in: give its $connect route an authorizer"
	var errs []error
	for _, foreign := range []struct {
		name, why string
		set       bool
	}{
		{"tokens", door, len(s.Tokens) > 0},
		{"jwt", door, s.JWT != nil},
		{"origins", door, len(s.Origins) > 0},
		{"subprotocols", "API Gateway answers the handshake, and agrees to none", len(s.Subprotocols) > 0},
		{"route", "API Gateway selects the route: set route_selection_expression of the API", s.Route != ""},
		{"management_tokens", "the API has its own @connections", len(s.ManagementTokens) > 0},
		{"ping_interval", "API Gateway keeps the connections", s.PingInterval != defaults.PingInterval},
		{"access_log", "the API's stage writes one", s.AccessLog != defaults.AccessLog},
		{"page", "browsers connect to the API and not to the router", s.Page != ""},
	} {
		if foreign.set {
			errs = append(errs, fmt.Errorf(`%s: not with mode = "apigateway": %s`, foreign.name, foreign.why))
		}
	}
	for _, r := range s.Routes {
		if r != routeDefault && !isRoute(r) {
			errs = append(errs, fmt.Errorf("routes: %q cannot be one: want up to %d characters that do not begin with $", r, maxRoute))
		}
	}
	return errors.Join(errs...)
}

// checkLimits refuses limits that only the API can keep.
func checkLimits(l, defaults websocket.Limits) error {
	const most = 128 << 10 // what API Gateway lets through
	var errs []error
	if l.Message < 1 || l.Message > most {
		errs = append(errs, fmt.Errorf("limits.message_bytes: want 1 to %d", most))
	}
	if l.Age < time.Minute {
		errs = append(errs, errors.New("limits.age: want at least 1m: how long the API lets a connection last"))
	}
	l.Message, l.Age = defaults.Message, defaults.Age
	if l != defaults {
		errs = append(errs, errors.New(`limits: only message_bytes and age go with mode = "apigateway": API Gateway and the settings of its stage limit the rest`))
	}
	return errors.Join(errs...)
}

func checkAPI(g *websocket.APIGateway) error {
	errs := []error{checkURL("apigateway.endpoint", g.Endpoint, "https://<api>.execute-api.<region>.amazonaws.com/<stage>")}
	if strings.Contains(g.Endpoint, "@connections") {
		errs = append(errs, errors.New("apigateway.endpoint: want the stage alone: leave /@connections out"))
	}
	if g.DynamoDBEndpoint != "" {
		errs = append(errs, checkURL("apigateway.dynamodb_endpoint", g.DynamoDBEndpoint, "https://dynamodb.eu-west-1.amazonaws.com"))
	}
	if g.Region != "" && !regionName.MatchString(g.Region) {
		errs = append(errs, errors.New(`apigateway.region: want the name of a region, such as "eu-west-1"`))
	}
	switch {
	case (g.Table == "") == (g.File == ""):
		errs = append(errs, errors.New("apigateway: want either table, a DynamoDB table, or file: one of them lists the connections"))
	case g.Table != "" && (!tableName.MatchString(g.Table) || !tableName.MatchString(g.Index)):
		errs = append(errs, errors.New("apigateway.table, apigateway.index: want names of 3 to 255 letters, digits, dots, - or _"))
	}
	switch {
	case g.AccessKey.IsZero() != g.SecretKey.IsZero():
		errs = append(errs, errors.New("apigateway: access_key and secret_key go together: set both, or none to have Amazon's usual places looked into"))
	case !g.SessionToken.IsZero() && g.AccessKey.IsZero():
		errs = append(errs, errors.New("apigateway.session_token: needs access_key and secret_key"))
	}
	return errors.Join(errs...)
}

func checkURL(setting, text, example string) error {
	u, err := url.Parse(text)
	switch {
	case err == nil && (u.Scheme == "wss" || u.Scheme == "ws"):
		return fmt.Errorf("%s: this is where clients connect: write https in place of %s", setting, u.Scheme)
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%s: not the URL of a server: it looks like %s", setting, example)
	}
	return nil
}

// warnings are what the operator should know about settings that are valid.
func warnings(s *websocket.Settings) []string {
	var w []string
	for name, text := range map[string]string{"apigateway.endpoint": s.APIGateway.Endpoint, "apigateway.dynamodb_endpoint": s.APIGateway.DynamoDBEndpoint} {
		if u, err := url.Parse(text); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) {
			w = append(w, name+": what is said will cross the network in clear text: use https")
		}
	}
	if !s.RequireMembership {
		w = append(w, "require_membership = false: a client can send to rooms that it is not in")
	}
	return w
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// bodyLimit is that of a request: the longest message, in Base64 if it may be.
func bodyLimit(s *websocket.Settings) int64 {
	if s.Binary {
		return int64(base64.StdEncoding.EncodedLen(s.Limits.Message))
	}
	return int64(s.Limits.Message)
}
