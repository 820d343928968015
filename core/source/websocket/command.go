package websocket

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// maxListed limits the members listed by $presence; count is the total number.
const maxListed = 500

// clientError tells a client why its message was rejected. Where API Gateway has such an error, the text is the same.
type clientError struct{ code, text string }

var (
	problemForbidden = &clientError{"forbidden", "Forbidden"}
	problemTooFast   = &clientError{"rate_limited", "Too Many Requests"}
	problemNotStored = &clientError{"not_stored", "Internal server error"}
	problemBadRoom   = &clientError{"bad_room", "The room's name must be 1 to 128 of A-Z a-z 0-9 : . _ -"}
	problemNoRoom    = &clientError{"no_room", "The connection is in no room and the message names none"}
	problemRoomFull  = &clientError{"room_full", "The room is full"}
	problemManyRooms = &clientError{"too_many_rooms", "The connection is in too many rooms"}
	problemToken     = &clientError{"bad_token", "The token is not valid here"}
)

// sendError sends an error frame.
func (c *conn) sendError(p *clientError) {
	c.sendJSON(struct {
		Message      string `json:"message"`
		ConnectionID string `json:"connectionId"`
		RequestID    string `json:"requestId"`
		Code         string `json:"code"`
	}{p.text, c.id, newID(), p.code})
}

// sendJSON queues a JSON text for the client. It is dropped if the queue is full.
func (c *conn) sendJSON(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("websocket: marshal: %v", err)) // cannot happen: strings and numbers
	}
	_ = c.send(messageFrame(text, false))
}

// execute runs a command. An error closes the connection.
func (c *conn) execute(m *message, now time.Time) error {
	var p *clientError
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

func (c *conn) join(room string) *clientError {
	switch {
	case !validRoom(room):
		return problemBadRoom
	case !c.identity.Load().mayUse(room):
		return problemForbidden
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

func (c *conn) leaveRoom(room string) *clientError {
	if !validRoom(room) {
		return problemBadRoom
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
func (c *conn) presence(room string) *clientError {
	switch {
	case !validRoom(room):
		return problemBadRoom
	case !c.source.hub.isMember(c, room):
		return problemForbidden
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
func (c *conn) renew(token string) *clientError {
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
