package websocket

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"github.com/pointsman/pointsman/plugins/sdk/amazon/gateway"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Settings are the attributes of a source block of this kind.
type Settings struct {
	Path              string          `pointsman:"path" doc:"URL path that clients connect to. Default: /hooks/ and the source's name."`
	Mode              string          `pointsman:"mode,default=native,one_of=native|apigateway" doc:"native: clients connect to the router. apigateway: clients connect to an Amazon API Gateway WebSocket API, which posts to the router."`
	APIGateway        *APIGateway     `pointsman:"apigateway" doc:"The API, for mode = \"apigateway\"."`
	Route             string          `pointsman:"route" doc:"Member of a message that selects its route, such as \"$request.body.action\"; the route is event.data.route_key. Default: every message is $default."`
	Routes            []string        `pointsman:"routes" doc:"Known routes. Any other route counts as $default, and is refused if $default is not listed. Default: any route."`
	RequireMembership bool            `pointsman:"require_membership,default=true" doc:"Only members of a room may send to it. false: any client may send to any room."`
	Binary            bool            `pointsman:"binary,default=false" doc:"Accept binary messages; their bytes are the event's body. Otherwise a binary message closes the connection with 1003."`
	Tokens            []schema.Secret `pointsman:"tokens" doc:"Tokens of clients, newest first. A client sends one as Authorization: Bearer <token>, as the query parameter token, or as the subprotocol bearer.<token>. Several are allowed for rotation. Without tokens and jwt any client may connect."`
	JWT               *JWTSettings    `pointsman:"jwt" doc:"Accept JSON Web Tokens, sent in the same ways as a token."`
	Origins           []string        `pointsman:"origins" doc:"Web origins whose pages may connect, such as https://*.example.com; * is any. Default: pages of the same host. Clients other than browsers send no origin and need none."`
	Subprotocols      []string        `pointsman:"subprotocols" doc:"Supported subprotocols. A client that offers any must offer one of these."`
	Limits            *Limits         `pointsman:"limits" doc:"Limits per client, per room and for the whole source."`
	PingInterval      time.Duration   `pointsman:"ping_interval,default=25s" doc:"Interval between pings to a client."`
	ManagementTokens  []schema.Secret `pointsman:"management_tokens" doc:"Tokens for the management API below <path>/@connections/: POST sends to a connection, GET describes it, DELETE closes it. Default: no such API."`
	Durability        string          `pointsman:"durability,default=disk,one_of=disk|memory" doc:"disk: every accepted event survives a crash. memory: a crash loses the last moments."`
	Page              string          `pointsman:"page" doc:"HTML file to serve to browsers at the source's path. Scripts and styles must be inline."`
	AccessLog         string          `pointsman:"access_log,default=log" doc:"Access log: log (the router's log: connections at level info, messages at debug), off, or a file to append lines of JSON to."`
}

// Limits is the block `limits`.
type Limits struct {
	Frame             int           `pointsman:"frame_bytes,default=32768" doc:"Maximum size of a frame in bytes."`
	Message           int           `pointsman:"message_bytes,default=131072" doc:"Maximum size of a message in bytes."`
	Queue             int           `pointsman:"queue_bytes,default=1048576" doc:"Bytes queued for one client; a client that exceeds it is closed with 4408."`
	Connections       int           `pointsman:"connections,default=20000" doc:"Connections of the source."`
	PerIP             int           `pointsman:"connections_per_ip,default=1000" doc:"Connections of one IP address, or of one /64 network with IPv6."`
	PerRoom           int           `pointsman:"connections_per_room,default=5000" doc:"Members of one room."`
	RoomsPerClient    int           `pointsman:"rooms_per_connection,default=50" doc:"Rooms that one connection may be in."`
	Connects          int           `pointsman:"connects_per_second,default=500" doc:"New connections a second."`
	Rate              int           `pointsman:"rate,default=10000" doc:"Messages a second of all connections, sustained."`
	Burst             int           `pointsman:"burst,default=5000" doc:"Burst of messages of all connections."`
	RatePerConnection int           `pointsman:"connection_rate,default=50" doc:"Messages a second of one connection, sustained."`
	BurstOfConnection int           `pointsman:"connection_burst,default=100" doc:"Burst of messages of one connection."`
	Idle              time.Duration `pointsman:"idle,default=10m" doc:"A connection without messages for this long is closed with 1001."`
	Age               time.Duration `pointsman:"age,default=2h" doc:"Maximum age of a connection; then it is closed with 1001."`
	Write             time.Duration `pointsman:"write_timeout,default=5s" doc:"A client that accepts no data for this long is disconnected."`
}

// APIGateway is the block `apigateway`, which the package of that name uses.
type APIGateway struct {
	Secrets []schema.Secret `pointsman:"secrets,required" doc:"Values of the header x-pointsman-secret that the API's integrations send. Several are allowed for rotation."`
	gateway.Settings
	File string `pointsman:"file" doc:"File that stores the connections instead of a table, for a single router."`
}

// DefaultSettings returns the settings of an empty block, with the default Limits.
func DefaultSettings() *Settings {
	s := &Settings{}
	if err := schema.Decode(nil, []byte(`{"limits":{}}`), s); err != nil {
		panic("websocket: default settings: " + err.Error()) // cannot happen: nothing is required
	}
	return s
}

func (s *Settings) check() error {
	if s.APIGateway != nil {
		return errors.New(`apigateway: the block needs mode = "apigateway"`)
	}
	errs := []error{s.Limits.check(), checkOrigins(s.Origins)}
	if s.PingInterval < time.Second {
		errs = append(errs, errors.New("ping_interval: want at least 1s"))
	}
	for _, p := range s.Subprotocols {
		if !isToken(p) || strings.HasPrefix(p, bearerProtocol) {
			errs = append(errs, fmt.Errorf("subprotocols: %q is not a valid subprotocol", p))
		}
	}
	return errors.Join(append(errs, s.CheckRoutes())...)
}

// CheckRoutes returns an error for routes that no message can have.
func (s *Settings) CheckRoutes() error {
	if len(s.Routes) > maxRoutes {
		return fmt.Errorf("routes: more than %d", maxRoutes)
	}
	var errs []error
	for _, r := range s.Routes {
		if r != RouteDefault && !ValidRoute(r) {
			errs = append(errs, fmt.Errorf("routes: %q is not a valid route: want up to %d characters that do not begin with $", r, maxRoute))
		}
	}
	return errors.Join(errs...)
}

// check refuses limits that no connection could satisfy, such as 0.
func (l *Limits) check() error {
	var errs []error
	atLeast := func(name string, value, least int) {
		if value < least {
			errs = append(errs, fmt.Errorf("limits.%s: want at least %d, or omit it for the default", name, least))
		}
	}
	atLeast("frame_bytes", l.Frame, 125)
	atLeast("message_bytes", l.Message, l.Frame)
	atLeast("queue_bytes", l.Queue, l.Message+ws.MaxHeaderSize) // or the largest message could never be sent
	for name, value := range map[string]int{
		"connections": l.Connections, "connections_per_ip": l.PerIP, "connections_per_room": l.PerRoom,
		"rooms_per_connection": l.RoomsPerClient, "connects_per_second": l.Connects, "rate": l.Rate, "burst": l.Burst,
		"connection_rate": l.RatePerConnection, "connection_burst": l.BurstOfConnection,
	} {
		atLeast(name, value, 1)
	}
	for name, value := range map[string]time.Duration{"idle": l.Idle, "age": l.Age, "write_timeout": l.Write} {
		if value < time.Second {
			errs = append(errs, fmt.Errorf("limits.%s: want at least 1s, or omit it for the default", name))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// checkOrigins refuses patterns that match no Origin header.
func checkOrigins(patterns []string) error {
	for _, p := range patterns {
		_, err := path.Match(p, "")
		_, host, hasScheme := strings.Cut(p, "://")
		if err != nil || p == "" || hasScheme && (host == "" || strings.Contains(host, "/")) || !hasScheme && strings.Contains(p, "/") {
			return fmt.Errorf("origins: %q cannot match: write https://host, https://*.host or host", p)
		}
	}
	return nil
}

// warnings describe settings that are valid and probably not intended.
func (s *Settings) warnings(mountedAt string) []string {
	var w []string
	if len(s.Tokens) == 0 && s.JWT == nil {
		w = append(w, "neither tokens nor jwt: anybody who can reach "+mountedAt+" can join every room and send events")
	}
	if !s.RequireMembership {
		w = append(w, "require_membership = false: a client can send to rooms that it is not in")
	}
	if l := s.Limits; l.Message/maxFragments > l.Frame {
		w = append(w, fmt.Sprintf("limits.message_bytes is %d, but a message has at most %d frames of limits.frame_bytes: raise frame_bytes", l.Message, maxFragments))
	}
	return w
}

// insecure returns the names of active settings that admit unauthenticated clients.
func (s *Settings) insecure() []string {
	if slices.Contains(s.Origins, "*") {
		return []string{"origins"}
	}
	return nil
}

// readPage reads the file of the setting `page`.
func readPage(name string) ([]byte, error) {
	const limit = 1 << 20
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("page: %w", err)
	case !info.Mode().IsRegular() || info.Size() > limit:
		return nil, fmt.Errorf("page: %s must be a file of at most %d bytes", name, limit)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	if !strings.HasPrefix(http.DetectContentType(content), "text/html") {
		return nil, fmt.Errorf("page: %s is not HTML: begin it with <!doctype html>", name)
	}
	return content, nil
}
