package apigateway

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/pointsman/pointsman/core/source"
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

// badBase64 is the reason of a message that is kept although its bytes cannot be had.
const badBase64 = "bad_base64"

func refusalReasons() []string {
	return []string{
		secretMissing, secretDoubled, secretMismatch, malformed, badRoom, noRoom, connectionTaken, unknownRoute, unknownConnection, notMember,
		binaryRefused,
	}
}

func refuse(reason string, status int) error { return &source.Refused{Reason: reason, Status: status} }

// roomFound is where Handshake leaves for Decode the room that an event belongs to. No request can bring a header of this name.
const roomFound = "room found"

// protocol is what API Gateway adds to source.Webhook.
type protocol struct {
	*Source
	secrets source.Tokens
}

// Verify implements source.Protocol.
func (p *protocol) Verify(r *http.Request, _ []byte) (int, error) {
	slot, err := verify(p.secrets, r.Header)
	if err != nil {
		return -1, err
	}
	_, err = parse(r.Header)
	return slot, err
}

// Handshake implements source.Handshaker. It asks no question; it looks the connection up, and lists a new one: what must be
// so before the event is.
func (p *protocol) Handshake(r *http.Request, body []byte) (*source.Reply, error) {
	q, err := parse(r.Header)
	if err != nil {
		return nil, err
	}
	out, err := p.outside()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	room := q.room
	switch q.event {
	case eventConnect:
		err = p.join(ctx, out.store, &q)
	case eventDisconnect:
		var r row
		r, err = out.store.find(ctx, q.connection)
		room = r.room
	default:
		room, err = p.destination(ctx, out.store, &q, body)
		p.complain(&q, err)
	}
	r.Header[roomFound] = []string{room}
	return nil, err
}

// join lists a new connection.
func (p *protocol) join(ctx context.Context, list store, q *request) error {
	if !roomName.MatchString(q.room) {
		return refuse(badRoom, http.StatusBadRequest)
	}
	// The slack is for clocks that differ, and for an end that is told late.
	const slack = 10 * time.Minute
	now := p.now()
	err := list.add(ctx, row{connection: q.connection, room: q.room, connected: now, expires: now.Add(p.settings.Limits.Age + slack)})
	if errors.Is(err, errTaken) {
		return refuse(connectionTaken, http.StatusForbidden)
	}
	return err
}

// destination is the room that a message is for: the one it names, or else the one that the connection is in.
func (p *protocol) destination(ctx context.Context, list store, q *request, body []byte) (string, error) {
	if len(p.settings.Routes) > 0 && !slices.Contains(p.settings.Routes, q.route) {
		return "", refuse(unknownRoute, http.StatusForbidden)
	}
	if q.base64 && !p.settings.Binary {
		return "", refuse(binaryRefused, http.StatusBadRequest)
	}
	m := read(body, q.base64)
	if m.namesRoom && !roomName.MatchString(m.room) {
		return "", refuse(badRoom, http.StatusBadRequest)
	}
	if m.namesRoom && !p.settings.RequireMembership {
		return m.room, nil
	}
	r, err := list.find(ctx, q.connection)
	switch home := r.room; {
	case err != nil:
		return "", err
	case home == "" && p.settings.RequireMembership:
		return "", refuse(unknownConnection, http.StatusForbidden)
	case home == "":
		return "", refuse(noRoom, http.StatusBadRequest)
	case m.namesRoom && m.room != home:
		return "", refuse(notMember, http.StatusForbidden)
	}
	return r.room, nil
}

// Decode implements source.Protocol.
func (p *protocol) Decode(header http.Header, body []byte, received time.Time) ([]source.Event, error) {
	q, err := parse(header)
	if err != nil {
		return nil, err
	}
	if q.at.IsZero() {
		q.at = received
	}
	room := ""
	if found := header[roomFound]; len(found) == 1 {
		room = found[0]
	}
	e, contentType, err := p.event(&q, room, body)
	if err != nil {
		return nil, err
	}
	// The envelope's is that of the message, as in the native mode, and not that of the request.
	delete(header, "Content-Type")
	if contentType != "" {
		header["Content-Type"] = []string{contentType}
	}
	return []source.Event{e}, nil
}

func (p *protocol) event(q *request, room string, body []byte) (e source.Event, contentType string, err error) {
	switch q.event {
	case eventConnect:
		e = connectEvent(q, room)
	case eventDisconnect:
		e = disconnectEvent(q, room)
	default:
		m := read(body, q.base64)
		if m.broken {
			return e, "", &source.Undecodable{Reason: badBase64, Detail: "the integration says that the body is Base64"}
		}
		e, contentType = messageEvent(q, room, &m), m.contentType()
	}
	e.Volatile = p.settings.Durability == "memory"
	return e, contentType, nil
}

// message is one message of a client.
type message struct {
	data []byte
	// binary and broken: it came as Base64, or should have.
	binary, broken bool
	text           string // data unless binary
	json           bool   // text is JSON
	// room is what the member "room" says.
	room      string
	namesRoom bool
}

// read looks into a message as the native mode does.
func read(body []byte, encoded bool) message {
	if encoded {
		data, err := base64.StdEncoding.AppendDecode(nil, body)
		return message{data: data, binary: true, broken: err != nil}
	}
	m := message{data: body, text: string(body)}
	var few [8]source.Member
	members, err := source.ReadObject(m.text, few[:0])
	if err != nil {
		bad, ok := errors.AsType[*source.Undecodable](err)
		m.json = ok && bad.Reason == source.ReasonNotObject
		return m
	}
	m.json = true
	for i := range members {
		if members[i].Name == "room" {
			m.namesRoom = true
			if members[i].Kind == source.JSONString {
				m.room, _ = members[i].Scalar()
			}
		}
	}
	return m
}

func (m *message) contentType() string {
	switch {
	case m.json:
		return "application/json"
	case m.binary:
		return "application/octet-stream"
	}
	return "text/plain; charset=utf-8"
}
