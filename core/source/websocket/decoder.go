package websocket

import (
	"cmp"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/pointsman/pointsman/core/source"
)

// sampleConnection is the id of the connection that samples come from.
const sampleConnection = "connection-1"

// decoder makes the events of a connection that may use every room. Sources behind an API Gateway have the same events.
func decoder(s *Settings) (source.Decoder, error) {
	routes, err := parseRoute(s.Route, s.Routes)
	if err != nil {
		return nil, err
	}
	return func(sample source.Sample) ([]source.Event, error) {
		client := sample.Client
		if client == nil {
			client = &source.Client{}
		}
		c := &conn{source: &Source{settings: s, route: routes}, id: sampleConnection, ip: "127.0.0.1", code: codeNormal}
		c.identity.Store(&identity{user: client.User})
		e, err := c.sampleEvent(client, sample)
		if err != nil {
			return nil, err
		}
		return []source.Event{e}, nil
	}, nil
}

func (c *conn) sampleEvent(client *source.Client, sample source.Sample) (source.Event, error) {
	m := ParseMessage(sample.Body, !utf8.Valid(sample.Body))
	key, listed := c.source.route.of(&m)
	room := cmp.Or(m.Room, client.Room)
	switch event := cmp.Or(client.Event, "message"); {
	case event != "message" && event != "connect" && event != "disconnect":
		return source.Event{}, fmt.Errorf("event_type is connect, message or disconnect, not %q", event)
	case room == "":
		return source.Event{}, errors.New("the room is missing: write room = \"...\"")
	case !ValidRoom(room):
		return source.Event{}, fmt.Errorf("a room has 1 to %d of A-Z a-z 0-9 : . _ -, so %q is none", maxRoomName, room)
	case event == "connect":
		return c.connectEvent(room, sample.Received), nil
	case event == "disconnect":
		return c.disconnectEvent(room, sample.Received), nil
	}
	switch {
	case m.Binary && !c.source.settings.Binary:
		return source.Event{}, errors.New("the message is not UTF-8, and the source accepts no binary messages")
	case m.command != "":
		return source.Event{}, fmt.Errorf("%s is a command to the source, which makes no event", m.command)
	case !listed:
		return source.Event{}, errors.New("the message has none of the source's routes, so the source would refuse it")
	}
	return c.messageEvent(&m, room, key, sample.Received), nil
}
