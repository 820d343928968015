package websocket

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// maxListed limits the members listed by $presence; count is the total number.
const maxListed = 500

// ClientError tells a client why its message was rejected. Where API Gateway has such an error, Text is the same.
type ClientError struct{ Code, Text string }

// Errors of messages. The mode apigateway sends the exported ones as well.
var (
	ProblemForbidden = &ClientError{"forbidden", "Forbidden"}
	problemTooFast   = &ClientError{"rate_limited", "Too Many Requests"}
	problemNotStored = &ClientError{"not_stored", "Internal server error"}
	ProblemBadRoom   = &ClientError{"bad_room", "The room's name must be 1 to 128 of A-Z a-z 0-9 : . _ -"}
	ProblemNoRoom    = &ClientError{"no_room", "The connection is in no room and the message names none"}
	problemRoomFull  = &ClientError{"room_full", "The room is full"}
	problemManyRooms = &ClientError{"too_many_rooms", "The connection is in too many rooms"}
	problemToken     = &ClientError{"bad_token", "The token is not valid here"}
)

// sendError sends an error frame.
func (c *conn) sendError(p *ClientError) {
	_ = c.send(messageFrame(p.Encode(c.id, newID()), false)) // dropped if the queue is full
}

// Encode returns the text of the error frame.
func (e *ClientError) Encode(connection, request string) []byte {
	return encode(struct {
		Message      string `json:"message"`
		ConnectionID string `json:"connectionId"`
		RequestID    string `json:"requestId"`
		Code         string `json:"code"`
	}{e.Text, connection, request, e.Code})
}

// sendJSON queues a JSON text for the client. It is dropped if the queue is full.
func (c *conn) sendJSON(value any) {
	_ = c.send(messageFrame(encode(value), false))
}

// encode returns a value of strings and numbers as JSON.
func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("websocket: marshal: %v", err)) // cannot happen
	}
	return text
}

// execute runs a command. An error closes the connection.
func (c *conn) execute(m *Message, now time.Time) error {
	var p *ClientError
	switch m.command {
	case commandToken:
		p = c.renew(m.argument)
	case commandJoin:
		p = c.join(m.argument)
	case commandLeave:
		p = c.leaveRoom(m.argument)
	case commandPresence:
		p = c.presence(m.argument)
	}
	if p == nil {
		return nil
	}
	c.sendError(p)
	return c.violations.record(now)
}

// join adds the connection to a room, if its token and the limits allow it.
func (c *conn) join(room string) *ClientError {
	switch {
	case !ValidRoom(room):
		return ProblemBadRoom
	case !c.identity.Load().mayUse(room):
		return ProblemForbidden
	}
	switch err := c.source.hub.join(c, room); {
	case errors.Is(err, errFullRoom):
		return problemRoomFull
	case err != nil:
		return problemManyRooms
	}
	c.sendJSON(map[string]string{"$joined": room})
	return nil
}

func (c *conn) leaveRoom(room string) *ClientError {
	if !ValidRoom(room) {
		return ProblemBadRoom
	}
	c.source.hub.leave(c, room)
	c.sendJSON(map[string]string{"$left": room})
	return nil
}

type member struct {
	ConnectionID string `json:"connectionId"`
	User         string `json:"user,omitempty"`
}

// presence lists the members of a room, for members only.
func (c *conn) presence(room string) *ClientError {
	switch {
	case !ValidRoom(room):
		return ProblemBadRoom
	case !c.source.hub.isMember(c, room):
		return ProblemForbidden
	}
	some, count := c.source.hub.members(room, maxListed)
	list := make([]member, 0, len(some))
	for _, other := range some {
		list = append(list, member{ConnectionID: other.id, User: other.identity.Load().user})
	}
	c.sendJSON(struct {
		Room    string   `json:"$presence"`
		Count   int      `json:"count"`
		Members []member `json:"members"`
	}{room, count, list})
	return nil
}

// renew replaces the token by a new one of the same user, so that the connection outlives the old one.
func (c *conn) renew(token string) *ClientError {
	old := c.identity.Load()
	fresh, err := c.source.authenticator.authenticate([]string{token})
	if err != nil || fresh.user != old.user {
		return problemToken
	}
	c.identity.Store(fresh)
	c.warned.Store(false)
	c.sendJSON(map[string]bool{commandToken: true})
	return nil
}
