package websocket

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// Commands are messages whose only member has one of these names.
const (
	commandJoin     = "$join"
	commandLeave    = "$leave"
	commandPresence = "$presence"
	commandToken    = "$token"
)

// Message is one message of a client. Package apigateway uses it as well.
type Message struct {
	Data   []byte
	Binary bool
	// Text is Data unless Binary.
	Text string
	// members are the members of Text if it is a JSON object. JSON is set if Text is any JSON.
	members source.Object
	JSON    bool
	// Room is the value of the member "room", NamesRoom whether there is one.
	Room      string
	NamesRoom bool
	// command and argument are empty if the message is not a command.
	command, argument string
}

// ParseMessage reads a message. A message of any content is valid, so there is no error.
func ParseMessage(data []byte, binary bool) Message {
	m := Message{Data: data, Binary: binary}
	if m.Binary {
		return m
	}
	m.Text = string(data)
	var few [8]source.Member
	members, err := source.ReadObject(m.Text, few[:0])
	if err != nil {
		bad, ok := errors.AsType[*source.Undecodable](err)
		m.JSON = ok && bad.Reason == source.ReasonNotObject
		return m
	}
	m.members, m.JSON = members, true
	m.Room, m.NamesRoom = m.members.Text("room"), m.members.Has("room")
	if len(members) == 1 && slices.Contains([]string{commandJoin, commandLeave, commandPresence, commandToken}, members[0].Name) {
		m.command, m.argument = members[0].Name, m.members.Text(members[0].Name)
	}
	return m
}

// Fill sets the parts of an event that the message determines. Other fields of data stay as they are.
func (m *Message) Fill(e *pointsmanv1.Envelope, data *pointsmanv1.WebSocketMessage) {
	e.Body, data.Text = m.Data, m.Text
	switch {
	case m.JSON:
		e.ContentType, data.Body = "application/json", &pointsmanv1.Json{Text: m.Data}
	case m.Binary:
		e.ContentType = "application/octet-stream"
	default:
		e.ContentType = "text/plain; charset=utf-8"
	}
}

// Routes that every source has.
const (
	RouteConnect    = "$connect"
	RouteDisconnect = "$disconnect"
	RouteDefault    = "$default"
)

const (
	maxRoute  = 128
	maxRoutes = 300
)

// ValidRoute reports whether a name is valid for a configured route. Names that begin with $ are reserved, so that no client can send
// one.
func ValidRoute(name string) bool {
	return name != "" && len(name) <= maxRoute && name[0] != '$' && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// route selects the route of a message.
type route struct {
	path  []string // member names, outermost first
	known []string // empty: any route
}

// parseRoute reads "$request.body.a.b", which may also be written "${request.body.a.b}".
func parseRoute(expression string, known []string) (route, error) {
	r := route{known: known}
	if expression == "" {
		return r, nil
	}
	inner := expression
	if braced, ok := strings.CutPrefix(expression, "${"); ok {
		inner = "$" + strings.TrimSuffix(braced, "}")
	}
	names, ok := strings.CutPrefix(inner, "$request.body.")
	r.path = strings.Split(names, ".")
	if !ok || slices.Contains(r.path, "") || strings.ContainsAny(names, "${}") {
		return r, fmt.Errorf(`route: %q cannot be parsed: write it as "$request.body.action"`, expression)
	}
	return r, nil
}

// of returns the route of a message. ok is false if the route is not listed and $default is not either.
func (r *route) of(m *Message) (key string, ok bool) {
	key = lookup(m.members, r.path)
	if !ValidRoute(key) || len(r.known) > 0 && !slices.Contains(r.known, key) {
		key = RouteDefault
	}
	return key, len(r.known) == 0 || slices.Contains(r.known, key)
}

// lookup returns the string at a path, "" if there is none.
func lookup(members source.Object, path []string) string {
	if len(path) == 0 {
		return ""
	}
	last := len(path) - 1
	for _, name := range path[:last] {
		members = members.Object(name)
	}
	return members.Text(path[last])
}
