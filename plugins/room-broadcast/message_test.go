package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// at is the time of the documented example.
const at = 1647007498

// published is a message of a websocket source.
func published(text string) *pointsmanv1.Envelope {
	ws := &pointsmanv1.WebSocketMessage{EventType: "message", ConnectionId: "me=", Room: "chat:3", RouteKey: "$default", Text: text}
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") || text == "null" {
		ws.Body = &pointsmanv1.Json{Text: []byte(text)}
	}
	return &pointsmanv1.Envelope{
		Source: "chat", Kind: "websocket", Type: "websocket.message", ReceivedUnixNano: at*int64(time.Second) + 999,
		Body: []byte(text), Data: &pointsmanv1.Envelope_Websocket{Websocket: ws},
	}
}

// publishedBytes is a binary message of a websocket source.
func publishedBytes(data string) *pointsmanv1.Envelope {
	env := published("")
	env.Body, env.ContentType = []byte(data), "application/octet-stream"
	return env
}

func connected() *pointsmanv1.Envelope {
	return &pointsmanv1.Envelope{
		Source: "chat", Kind: "websocket", Type: "websocket.connect", ReceivedUnixNano: at * int64(time.Second),
		Data: &pointsmanv1.Envelope_Websocket{Websocket: &pointsmanv1.WebSocketMessage{EventType: "connect", ConnectionId: "me=", Room: "chat:3"}},
	}
}

func webhook(body string) *pointsmanv1.Envelope {
	return &pointsmanv1.Envelope{Source: "lab", Kind: "intdash", Type: "intdash.edge.created", ReceivedUnixNano: at * int64(time.Second), Body: []byte(body)}
}

func TestNewMessage(t *testing.T) {
	const in = `"room":"chat:3"`
	for name, tt := range map[string]struct {
		event     *pointsmanv1.Envelope
		arguments string
		want      message
		frame     string
		binary    bool
		wantErr   string
	}{
		// What clients in a room rely on.
		"published":          {event: published(`{"message": "test", "room": "chat:3", "data": "some message."}`), frame: `{"data":"some message.","received":1647007498}`},
		"compact, escaped":   {event: published(`{"data":{"a" : 1, "h":"<b>&"}}`), frame: `{"data":{"a":1,"h":"\u003cb\u003e\u0026"},"received":1647007498}`},
		"no data":            {event: published(`{"message":"test"}`), frame: `{"data":null,"received":1647007498}`},
		"data is null":       {event: published(`{"data":null}`), frame: `{"data":null,"received":1647007498}`},
		"numbers stay":       {event: published(`{"data":[1.0,12345678901234567890,1e2]}`), frame: `{"data":[1.0,12345678901234567890,1e2],"received":1647007498}`},
		"unknown is dropped": {event: published(`{"data":1,"x":2}`), frame: `{"data":1,"received":1647007498}`},
		"null":               {event: published(`null`), frame: `{"data":null,"received":1647007498}`},
		"not JSON":           {event: published(`hello`), wantErr: "the event is not a JSON object: write text or json"},
		"not an object":      {event: published(`[1]`), wantErr: "the event is not a JSON object"},
		"empty":              {event: published(``), wantErr: "the event is not a JSON object"},
		"connect":            {event: connected(), wantErr: "a websocket.connect event carries no content: write text or json"},

		// Arguments of the rule.
		"text":             {event: connected(), arguments: `{"text":"hello <me=>"}`, want: message{room: "chat:3"}, frame: `{"data":"hello \u003cme=\u003e","received":1647007498}`},
		"text as it is":    {event: published(`{}`), arguments: `{"text":"hello <me=>","envelope":false}`, frame: `hello <me=>`},
		"JSON":             {event: published(`{}`), arguments: `{"json":"{\"a\": \"<\"}"}`, frame: `{"data":{"a":"\u003c"},"received":1647007498}`},
		"JSON as it is":    {event: published(`{}`), arguments: `{"json":"{\"a\": \"<\"}","envelope":false}`, frame: `{"a": "<"}`},
		"data as it is":    {event: published(`{"data": {"a" : "<"} }`), arguments: `{"envelope":false}`, frame: `{"a" : "<"}`},
		"no data as it is": {event: published(`{}`), arguments: `{"envelope":false}`, frame: `null`},
		"bad JSON":         {event: published(`{}`), arguments: `{"json":"{"}`, wantErr: "json: this is not JSON: write json = jsonencode(...)"},
		"both":             {event: published(`{}`), arguments: `{"json":"1","text":"1"}`, wantErr: "text, json and base64: write only one"},

		// Bytes.
		"binary":              {event: publishedBytes("\x00\xff"), frame: "\x00\xff", binary: true},
		"binary that is JSON": {event: publishedBytes(`{"data":1}`), frame: `{"data":1}`, binary: true},
		"text for binary":     {event: publishedBytes("\x00\xff"), arguments: `{"text":"x","envelope":false}`, frame: "x"},
		"base64":              {event: published(`{}`), arguments: `{"base64":"AP8="}`, frame: "\x00\xff", binary: true},
		"bad base64":          {event: published(`{}`), arguments: `{"base64":"AP8"}`, wantErr: "base64: want the standard alphabet with padding"},
		"base64 and text":     {event: published(`{}`), arguments: `{"base64":"AP8=","text":""}`, wantErr: "text, json and base64: write only one"},

		// Other sources.
		"webhook":               {event: webhook(`{"data":1}`), arguments: `{` + in + `}`, want: message{room: "chat:3"}, frame: `{"data":1,"received":1647007498}`},
		"webhook in no room":    {event: webhook(`{"data":1}`), wantErr: "room: the event is in no room: write room or connection_id"},
		"webhook without data":  {event: webhook(`{"a":1}`), arguments: `{` + in + `}`, wantErr: "the event has no member data: write text or json"},
		"webhook without body":  {event: webhook(``), arguments: `{` + in + `}`, wantErr: "a intdash.edge.created event carries no content"},
		"webhook in other text": {event: webhook("{\"data\":\"\xff\"}"), arguments: `{` + in + `}`, want: message{room: "chat:3"}, frame: `{"data":"` + "\uFFFD" + `","received":1647007498}`},

		// Receivers.
		"another room":            {event: published(`{}`), arguments: `{"room":"r"}`, want: message{room: "r", except: "me="}},
		"the sender too":          {event: published(`{}`), arguments: `{"include_sender":true}`, want: message{room: "chat:3"}},
		"somebody else not":       {event: published(`{}`), arguments: `{"except":"you=","include_sender":true}`, want: message{room: "chat:3", except: "you="}},
		"nobody not":              {event: published(`{}`), arguments: `{"except":""}`, want: message{room: "chat:3"}},
		"one connection":          {event: published(`{}`), arguments: `{"connection_id":"you="}`, want: message{connection: "you="}},
		"a room and a connection": {event: published(`{}`), arguments: `{"connection_id":"you=","room":"r"}`, wantErr: "room and connection_id: a message goes to a room or to one connection"},
	} {
		t.Run(name, func(t *testing.T) {
			var a arguments
			if err := schema.Decode(nil, []byte(tt.arguments), &a); err != nil {
				t.Fatal(err)
			}
			m, err := newMessage(&a, tt.event)
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Errorf("error %v, want %q", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.frame == "" {
				tt.frame = `{"data":null,"received":1647007498}`
			}
			if tt.want.room == "" && tt.want.connection == "" {
				tt.want.room, tt.want.except = "chat:3", "me="
			}
			tt.want.frame = frame{data: []byte(tt.frame), binary: tt.binary}
			if diff := cmp.Diff(tt.want, m, cmp.AllowUnexported(message{}, frame{})); diff != "" {
				t.Errorf("-want +got:\n%s\nframe %s", diff, m.data)
			}
		})
	}
}
