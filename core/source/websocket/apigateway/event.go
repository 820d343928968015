package apigateway

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// Types of the events.
const (
	typeConnect    = "websocket.connect"
	typeMessage    = "websocket.message"
	typeDisconnect = "websocket.disconnect"
)

// codeAbnormal is the close code of a connection that ended without a close frame (RFC 6455 section 7.4.1).
const codeAbnormal = 1006

// newEvent returns an event whose id is the connection's and a suffix. Connection ids are unique.
func newEvent(eventType, suffix string, data *pointsmanv1.WebSocketMessage) source.Event {
	id := data.ConnectionId + "-" + suffix
	return source.Event{
		Envelope: &pointsmanv1.Envelope{
			Id: id, Type: eventType, Subject: data.Room, Body: []byte{}, Data: &pointsmanv1.Envelope_Websocket{Websocket: data},
		},
		Keys: []source.Key{{Value: id}},
	}
}

// fromRequest adds the fields that only a request has.
func fromRequest(q *request, e source.Event) source.Event {
	e.Envelope.TimeUnixNano = q.at.UnixNano()
	if q.stage != "" {
		e.Envelope.Attributes = []*pointsmanv1.Attribute{{Name: "stage", Value: q.stage}}
	}
	return e
}

func connectEvent(q *request, room string) source.Event {
	return fromRequest(q, newEvent(typeConnect, "connect", &pointsmanv1.WebSocketMessage{
		EventType: "connect", ConnectionId: q.connection, Room: room, RouteKey: routeConnect, SourceIp: q.sourceIP,
	}))
}

func disconnectEvent(q *request, room string) source.Event {
	return fromRequest(q, newEvent(typeDisconnect, "disconnect", &pointsmanv1.WebSocketMessage{
		EventType: "disconnect", ConnectionId: q.connection, Room: room, RouteKey: routeDisconnect, SourceIp: q.sourceIP, CloseCode: q.closeCode,
	}))
}

// staleDisconnect returns the disconnect event of a connection without a $disconnect. A late $disconnect has the same id and is a
// duplicate.
func staleDisconnect(r row) source.Event {
	return newEvent(typeDisconnect, "disconnect", &pointsmanv1.WebSocketMessage{
		EventType: "disconnect", ConnectionId: r.connection, Room: r.room, RouteKey: routeDisconnect, CloseCode: codeAbnormal,
	})
}

func messageEvent(q *request, room string, m *message) source.Event {
	data := &pointsmanv1.WebSocketMessage{
		EventType: "message", ConnectionId: q.connection, Room: room, RouteKey: q.route, SourceIp: q.sourceIP, Text: m.text,
	}
	if m.json {
		data.Body = &pointsmanv1.Json{Text: m.data}
	}
	if !utf8.ValidString(m.text) { // cannot happen: a text frame is UTF-8
		data.Text = strings.ToValidUTF8(m.text, "\uFFFD")
	}
	e := fromRequest(q, newEvent(typeMessage, q.message, data))
	e.Envelope.Body = m.data
	if m.data == nil {
		e.Envelope.Body = []byte{}
	}
	return e
}

// forget removes a connection from the table. After a failure the next broadcast or sweep removes it.
func (s *Source) forget(ctx context.Context, connection string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	out, err := s.backend()
	if err == nil {
		err = out.store.remove(ctx, connection)
	}
	if err != nil {
		s.log.Warn("ended connection was not removed from the table", "connection", connection, "err", err)
	}
}
