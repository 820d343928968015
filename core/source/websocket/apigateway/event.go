package apigateway

import (
	"context"
	"strings"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/websocket"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
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
	return fromRequest(q, newEvent(websocket.TypeConnect, "connect", &pointsmanv1.WebSocketMessage{
		EventType: "connect", ConnectionId: q.connection, Room: room, RouteKey: websocket.RouteConnect, SourceIp: q.sourceIP,
	}))
}

func disconnectEvent(q *request, room string) source.Event {
	return fromRequest(q, newEvent(websocket.TypeDisconnect, "disconnect", &pointsmanv1.WebSocketMessage{
		EventType: "disconnect", ConnectionId: q.connection, Room: room, RouteKey: websocket.RouteDisconnect, SourceIp: q.sourceIP, CloseCode: q.closeCode,
	}))
}

// staleDisconnect returns the disconnect event of a connection without a $disconnect. A late $disconnect has the same id and is a
// duplicate.
func staleDisconnect(r row) source.Event {
	return newEvent(websocket.TypeDisconnect, "disconnect", &pointsmanv1.WebSocketMessage{
		EventType: "disconnect", ConnectionId: r.connection, Room: r.room, RouteKey: websocket.RouteDisconnect, CloseCode: codeAbnormal,
	})
}

func messageEvent(q *request, room string, m *websocket.Message) source.Event {
	data := &pointsmanv1.WebSocketMessage{EventType: "message", ConnectionId: q.connection, Room: room, RouteKey: q.route, SourceIp: q.sourceIP}
	e := fromRequest(q, newEvent(websocket.TypeMessage, q.message, data))
	m.Fill(e.Envelope, data)
	data.Text = strings.ToValidUTF8(data.Text, "\uFFFD") // no effect: API Gateway accepts only UTF-8 in text frames
	if m.Data == nil {
		e.Envelope.Body = []byte{} // nil stands for the body of the request
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
