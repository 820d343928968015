package websocket

import (
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// Types of the events.
const (
	typeConnect    = "websocket.connect"
	typeMessage    = "websocket.message"
	typeDisconnect = "websocket.disconnect"
)

// newID returns an unguessable id of a connection or a request. It has the form of API Gateway's ids, which some clients check.
func newID() string {
	var random [11]byte
	_, _ = rand.Read(random[:]) // never fails
	return base64.URLEncoding.EncodeToString(random[:])
}

func (c *conn) event(eventType string, data *pointsmanv1.WebSocketMessage, now time.Time) source.Event {
	data.ConnectionId, data.SourceIp = c.id, c.ip
	c.events++
	var attributes []*pointsmanv1.Attribute
	if user := c.identity.Load().user; user != "" {
		attributes = []*pointsmanv1.Attribute{{Name: "user", Value: user}}
	}
	return source.Event{
		Envelope: &pointsmanv1.Envelope{
			// Connection ids are unique, so these are as well.
			Id: c.id + "-" + strconv.FormatUint(c.events, 10), Source: c.source.name, Kind: Name, Type: eventType, Subject: data.Room,
			TimeUnixNano: now.UnixNano(), ReceivedUnixNano: now.UnixNano(), Attributes: attributes,
			Data: &pointsmanv1.Envelope_Websocket{Websocket: data},
		},
		Memory: c.source.settings.Durability == "memory",
	}
}

func (c *conn) connectEvent(room string, now time.Time) source.Event {
	return c.event(typeConnect, &pointsmanv1.WebSocketMessage{EventType: "connect", Room: room, RouteKey: routeConnect}, now)
}

func (c *conn) disconnectEvent(room string, now time.Time) source.Event {
	return c.event(typeDisconnect, &pointsmanv1.WebSocketMessage{
		EventType: "disconnect", Room: room, RouteKey: routeDisconnect, CloseCode: uint32(c.closeCode()), //nolint:gosec // 1000 to 4999
	}, now)
}

func (c *conn) messageEvent(m *message, room, key string, now time.Time) source.Event {
	data := &pointsmanv1.WebSocketMessage{EventType: "message", Room: room, RouteKey: key, Text: m.text}
	if m.json {
		data.Body = &pointsmanv1.Json{Text: m.data}
	}
	e := c.event(typeMessage, data, now)
	e.Envelope.Body = m.data
	switch {
	case m.json:
		e.Envelope.ContentType = "application/json"
	case m.binary:
		e.Envelope.ContentType = "application/octet-stream"
	default:
		e.Envelope.ContentType = "text/plain; charset=utf-8"
	}
	return e
}
