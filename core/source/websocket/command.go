package websocket

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// maxListed is how many members of a room are listed; the count is right all the same.
const maxListed = 500

// complaint is what a client is told when its message was not taken. Text is as API Gateway words it where it does.
type complaint struct{ code, text string }

var (
	problemForbidden = &complaint{"forbidden", "Forbidden"}
	problemTooFast   = &complaint{"rate_limited", "Too Many Requests"}
	problemNotStored = &complaint{"not_stored", "Internal server error"}
	problemBadRoom   = &complaint{"bad_room", "The room's name must be 1 to 128 of A-Z a-z 0-9 : . _ -"}
	problemNoRoom    = &complaint{"no_room", "The connection is in no room and the message names none"}
	problemRoomFull  = &complaint{"room_full", "The room is full"}
	problemManyRooms = &complaint{"too_many_rooms", "The connection is in too many rooms"}
	problemToken     = &complaint{"bad_token", "The token is not valid here"}
)

// complain sends an error frame.
func (c *conn) complain(p *complaint) {
	c.tell(struct {
		Message      string `json:"message"`
		ConnectionID string `json:"connectionId"`
		RequestID    string `json:"requestId"`
		Code         string `json:"code"`
	}{p.text, c.id, newID(), p.code})
}

// tell sends a JSON text to the client. One whose queue is full misses it.
func (c *conn) tell(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("websocket: answer: %v", err)) // cannot happen: strings and numbers
	}
	_ = c.send(messageFrame(text, false))
}

// obey does what a command asks for. An error closes the connection.
func (c *conn) obey(m *message, now time.Time) error {
	var p *complaint
	switch m.command {
	case commandToken:
		p = c.renew(m.argument)
	case commandJoin:
		p = c.join(m.argument)
	case commandLeave:
		p = c.quit(m.argument)
	case commandPresence:
		p = c.presence(m.argument)
	}
	if p == nil {
		return nil
	}
	c.complain(p)
	return c.manners.strike(now)
}

func (c *conn) join(room string) *complaint {
	switch {
	case !validRoom(room):
		return problemBadRoom
	case !c.visitor.Load().mayUse(room):
		return problemForbidden
	}
	switch err := c.source.hub.join(c, room); {
	case errors.Is(err, errFullRoom):
		return problemRoomFull
	case err != nil:
		return problemManyRooms
	}
	c.tell(map[string]string{"$joined": room})
	return nil
}

func (c *conn) quit(room string) *complaint {
	if !validRoom(room) {
		return problemBadRoom
	}
	c.source.hub.leave(c, room)
	c.tell(map[string]string{"$left": room})
	return nil
}

type member struct {
	ConnectionID string `json:"connectionId"`
	User         string `json:"user,omitempty"`
}

// presence tells who is in a room, to those who are in it too.
func (c *conn) presence(room string) *complaint {
	switch {
	case !validRoom(room):
		return problemBadRoom
	case !c.source.hub.isMember(c, room):
		return problemForbidden
	}
	some, count := c.source.hub.members(room, maxListed)
	list := make([]member, 0, len(some))
	for _, other := range some {
		list = append(list, member{ConnectionID: other.id, User: other.visitor.Load().user})
	}
	c.tell(struct {
		Room    string   `json:"$presence"`
		Count   int      `json:"count"`
		Members []member `json:"members"`
	}{room, count, list})
	return nil
}

// renew takes a new token of the same user, so that the connection outlasts the old one.
func (c *conn) renew(token string) *complaint {
	old := c.visitor.Load()
	fresh, err := c.source.door.admit([]string{token})
	if err != nil || fresh.user != old.user {
		return problemToken
	}
	c.visitor.Store(fresh)
	c.warned.Store(false)
	c.tell(map[string]bool{commandToken: true})
	return nil
}
