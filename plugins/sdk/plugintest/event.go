package plugintest

import (
	"fmt"
	"sync/atomic"
	"time"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// Event returns a small envelope, a different one with each call.
func Event() *pointsmanv1.Envelope {
	n := events.Add(1)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano()
	return &pointsmanv1.Envelope{
		Id: fmt.Sprintf("event-%d", n), Source: "test", Kind: "websocket", Type: "websocket.message", Subject: "lobby",
		TimeUnixNano: at, ReceivedUnixNano: at, ContentType: "application/json", Body: []byte(`{"hello":"world"}`),
		Data: &pointsmanv1.Envelope_Websocket{Websocket: &pointsmanv1.WebSocketMessage{
			EventType: "message", ConnectionId: "c-1", Room: "lobby", RouteKey: "$default", Text: `{"hello":"world"}`,
			Body: &pointsmanv1.Json{Text: []byte(`{"hello":"world"}`)},
		}},
	}
}

var events atomic.Int64
