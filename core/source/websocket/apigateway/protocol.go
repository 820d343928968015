package apigateway

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/websocket"
)

// Reasons for which a request is refused.
const (
	secretMissing     = "secret_missing"
	secretDoubled     = "secret_doubled"
	secretMismatch    = "secret_mismatch"
	malformed         = "malformed"
	badRoom           = "bad_room"
	noRoom            = "no_room"
	connectionTaken   = "connection_taken"
	unknownRoute      = "unknown_route"
	unknownConnection = "unknown_connection"
	notMember         = "not_member"
	binaryRefused     = "binary_refused"
)

// badBase64 is the reason why a message is quarantined: its bytes cannot be decoded.
const badBase64 = "bad_base64"

func refusalReasons() []string {
	return []string{
		secretMissing, secretDoubled, secretMismatch, malformed, badRoom, noRoom, connectionTaken, unknownRoute, unknownConnection, notMember,
		binaryRefused,
	}
}

// refuse returns an error whose detail is also what the client gets. A 403 has no detail because it would reveal rooms and connections.
func refuse(reason string, status int) error {
	refused := &source.Refused{Reason: reason, Status: status}
	if status == http.StatusBadRequest {
		refused.Detail = clientErrors[reason].Text
	}
	return refused
}

// protocol implements source.Protocol for API Gateway.
type protocol struct {
	*Source
	secrets source.Tokens
}

// Authenticate implements source.Protocol.
func (p *protocol) Authenticate(r *http.Request, body []byte) (source.Request, error) {
	slot, err := verify(p.secrets, r.Header)
	if err != nil {
		return nil, err
	}
	q, err := parse(r.Header)
	if err != nil {
		return nil, err
	}
	return &call{Source: p.Source, request: q, slot: slot, body: body}, nil
}

// call is one authenticated request of an integration.
type call struct {
	*Source
	request
	slot int
	body []byte
}

// Slot implements source.Request.
func (c *call) Slot() int { return c.slot }

// Reply implements source.Request: API Gateway has no handshake.
func (c *call) Reply(context.Context) (*source.Reply, error) { return nil, nil }

// Events implements source.Request. It adds a new connection to the table before its connect event is stored.
func (c *call) Events(ctx context.Context, received time.Time) ([]source.Event, error) {
	if c.at.IsZero() {
		c.at = received
	}
	out, err := c.backend()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	var m websocket.Message
	var broken error // the message cannot be decoded, but is stored if it is allowed
	room := c.room
	switch c.event {
	case eventConnect:
		err = c.join(ctx, out.store)
	case eventDisconnect:
		var r row
		r, err = out.store.find(ctx, c.connection)
		room = r.room
	default:
		m, broken = parseMessage(c.body, c.base64)
		room, err = c.destination(ctx, out.store, &m)
		c.sendError(&c.request, err)
	}
	if err != nil {
		return nil, err
	}
	if broken != nil {
		return nil, broken
	}
	return []source.Event{c.newEvent(room, &m)}, nil
}

// Complete implements source.Completer. It keeps the table consistent with the events: a connection whose connect is not stored
// is refused, so it must not be in the table; a connection is removed only after its disconnect is stored.
func (c *call) Complete(ctx context.Context, err error) {
	if c.event == eventConnect && err != nil || c.event == eventDisconnect && err == nil {
		c.forget(ctx, c.connection)
	}
}

// join adds a new connection to the table.
func (c *call) join(ctx context.Context, list store) error {
	if !websocket.ValidRoom(c.room) {
		return &source.Refused{Reason: badRoom, Status: http.StatusBadRequest, Detail: "connect with ?room=<name>: 1 to 128 of A-Z a-z 0-9 : . _ -"}
	}
	// slack allows for clocks that differ and for a late $disconnect.
	const slack = 10 * time.Minute
	now := c.now()
	err := list.add(ctx, row{connection: c.connection, room: c.room, connected: now, expires: now.Add(c.settings.Limits.Age + slack)})
	if errors.Is(err, errTaken) {
		return refuse(connectionTaken, http.StatusForbidden)
	}
	return err
}

// destination returns the room of a message: the one it names, or else the one that the connection is in.
func (c *call) destination(ctx context.Context, list store, m *websocket.Message) (string, error) {
	if len(c.settings.Routes) > 0 && !slices.Contains(c.settings.Routes, c.route) {
		return "", refuse(unknownRoute, http.StatusForbidden)
	}
	if c.base64 && !c.settings.Binary {
		return "", refuse(binaryRefused, http.StatusBadRequest)
	}
	if m.NamesRoom && !websocket.ValidRoom(m.Room) {
		return "", refuse(badRoom, http.StatusBadRequest)
	}
	if m.NamesRoom && !c.settings.RequireMembership {
		return m.Room, nil
	}
	r, err := list.find(ctx, c.connection)
	switch home := r.room; {
	case err != nil:
		return "", err
	case home == "" && c.settings.RequireMembership:
		return "", refuse(unknownConnection, http.StatusForbidden)
	case home == "":
		return "", refuse(noRoom, http.StatusBadRequest)
	case m.NamesRoom && m.Room != home:
		return "", refuse(notMember, http.StatusForbidden)
	}
	return r.room, nil
}

// newEvent returns the event of a call. m is used for messages only.
func (c *call) newEvent(room string, m *websocket.Message) (e source.Event) {
	switch c.event {
	case eventConnect:
		e = connectEvent(&c.request, room)
	case eventDisconnect:
		e = disconnectEvent(&c.request, room)
	default:
		e = messageEvent(&c.request, room, m)
	}
	e.Memory = c.settings.Durability == "memory"
	return e
}

// parseMessage parses a message, which an integration may have encoded. The error is *source.Undecodable.
func parseMessage(body []byte, encoded bool) (websocket.Message, error) {
	if !encoded {
		return websocket.ParseMessage(body, false), nil
	}
	data, err := base64.StdEncoding.AppendDecode([]byte{}, body)
	if err != nil {
		err = &source.Undecodable{Reason: badBase64, Detail: "the body is not Base64, but the integration says so"}
	}
	return websocket.ParseMessage(data, true), err
}
