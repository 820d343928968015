package websocket

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gobwas/ws"

	"github.com/pointsman/pointsman/core/source"
)

// Commands are messages whose only member has one of these names.
const (
	commandJoin     = "$join"
	commandLeave    = "$leave"
	commandPresence = "$presence"
	commandToken    = "$token"
)

// message is one message of a client.
type message struct {
	data   []byte
	binary bool
	// text is data unless binary.
	text string
	// members are the members of text if it is a JSON object. json is set if text is any JSON.
	members []source.Member
	json    bool
	// room is the value of the member "room", namesRoom whether there is one.
	room      string
	namesRoom bool
	// command and argument are empty if the message is not a command.
	command, argument string
}

// parse reads a message. A message of any content is valid, so there is no error.
func parse(op ws.OpCode, data []byte) message {
	m := message{data: data, binary: op == ws.OpBinary}
	if m.binary {
		return m
	}
	m.text = string(data)
	var few [8]source.Member
	members, err := source.ReadObject(m.text, few[:0])
	if err != nil {
		bad, ok := errors.AsType[*source.Undecodable](err)
		m.json = ok && bad.Reason == source.ReasonNotObject
		return m
	}
	m.members, m.json = members, true
	for i := range members {
		if members[i].Name == "room" {
			m.namesRoom = true
			m.room = stringOf(&members[i])
		}
	}
	if len(members) == 1 && slices.Contains([]string{commandJoin, commandLeave, commandPresence, commandToken}, members[0].Name) {
		m.command, m.argument = members[0].Name, stringOf(&members[0])
	}
	return m
}

// stringOf returns the value of a member, "" if it is not a string.
func stringOf(m *source.Member) string {
	if m.Kind != source.JSONString {
		return ""
	}
	text, _ := m.Scalar()
	return text
}

// Routes that every source has.
const (
	routeConnect    = "$connect"
	routeDisconnect = "$disconnect"
	routeDefault    = "$default"
)

const (
	maxRoute  = 128
	maxRoutes = 300
)

// isRoute reports whether a name is valid for a configured route. Names that begin with $ are reserved, so that no client can send
// one.
func isRoute(name string) bool {
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
func (r *route) of(m *message) (key string, ok bool) {
	key = lookup(m.members, r.path)
	if !isRoute(key) || len(r.known) > 0 && !slices.Contains(r.known, key) {
		key = routeDefault
	}
	return key, len(r.known) == 0 || slices.Contains(r.known, key)
}

// lookup returns the string at a path, "" if there is none.
func lookup(members []source.Member, path []string) string {
	for depth, name := range path {
		i := slices.IndexFunc(members, func(m source.Member) bool { return m.Name == name })
		if i < 0 {
			return ""
		}
		if depth == len(path)-1 {
			return stringOf(&members[i])
		}
		if members[i].Kind != source.JSONObject {
			return ""
		}
		inner, err := members[i].Members(nil)
		if err != nil {
			return ""
		}
		members = inner
	}
	return ""
}
