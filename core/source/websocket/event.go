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
	TypeConnect    = "websocket.connect"
	TypeMessage    = "websocket.message"
	TypeDisconnect = "websocket.disconnect"
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
	who := c.identity.Load()
	var attributes []*pointsmanv1.Attribute
	if who.user != "" {
		attributes = []*pointsmanv1.Attribute{{Name: "user", Value: who.user}}
	}
	return source.Event{
		Envelope: &pointsmanv1.Envelope{
			// Connection ids are unique, so these are as well.
			Id: c.id + "-" + strconv.FormatUint(c.events, 10), Source: c.source.name, Kind: Name, Type: eventType, Subject: data.Room,
			TimeUnixNano: now.UnixNano(), ReceivedUnixNano: now.UnixNano(), Attributes: attributes,
			VerifiedBy: who.verifiedBy, Sensitive: c.source.sensitive,
			Data: &pointsmanv1.Envelope_Websocket{Websocket: data},
		},
		Memory: c.source.settings.Durability == "memory",
	}
}

func (c *conn) connectEvent(room string, now time.Time) source.Event {
	return c.event(TypeConnect, &pointsmanv1.WebSocketMessage{EventType: "connect", Room: room, RouteKey: RouteConnect}, now)
}

func (c *conn) disconnectEvent(room string, now time.Time) source.Event {
	return c.event(TypeDisconnect, &pointsmanv1.WebSocketMessage{
		EventType: "disconnect", Room: room, RouteKey: RouteDisconnect, CloseCode: uint32(c.closeCode()), //nolint:gosec // 1000 to 4999
	}, now)
}

func (c *conn) messageEvent(m *Message, room, key string, now time.Time) source.Event {
	data := &pointsmanv1.WebSocketMessage{EventType: "message", Room: room, RouteKey: key}
	e := c.event(TypeMessage, data, now)
	m.Fill(e.Envelope, data)
	return e
}
