package main

import (
	"cmp"
	"errors"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// arguments are those of a `dispatch` block.
type arguments struct {
	Room          string  `pointsman:"room" doc:"The room that receives it. Default: the event's room, for events of a websocket source."`
	ConnectionID  string  `pointsman:"connection_id" doc:"Send to this one connection instead of a room."`
	Text          *string `pointsman:"text" doc:"Text to send."`
	JSON          *string `pointsman:"json" doc:"JSON to send, for example from jsonencode(). Without text, json and base64: the member data of the message that the event carries, or the bytes of a binary message."`
	Base64        *string `pointsman:"base64" doc:"The bytes to send as a binary message, encoded in base64. The argument envelope does not apply."`
	Except        *string `pointsman:"except" doc:"Id of a connection that does not receive it. Default: the sender, for messages of a websocket source."`
	IncludeSender bool    `pointsman:"include_sender,default=false" doc:"true: the sender receives it too."`
	Envelope      bool    `pointsman:"envelope,default=true" doc:"true: {\"data\": content, \"received\": Unix seconds}. false: the content alone."`
}

// message is a frame and its receivers: one connection, or a room.
type message struct {
	connection   string
	room, except string
	frame
}

// newMessage makes the message from the arguments, with defaults from the event.
func newMessage(a *arguments, env *pointsmanv1.Envelope) (m message, err error) {
	m.connection = a.ConnectionID
	if m.connection == "" {
		m.room, m.except = cmp.Or(a.Room, env.GetWebsocket().GetRoom()), except(a, env.GetWebsocket())
	}
	switch {
	case a.Room != "" && a.ConnectionID != "":
		return m, errors.New("room and connection_id: a message goes to a room or to one connection: leave one of them out")
	case m.room == "" && m.connection == "":
		return m, errors.New("room: the event is in no room: write room or connection_id into the dispatch block")
	}
	m.frame, err = newFrame(a, env)
	return m, err
}

func except(a *arguments, ws *pointsmanv1.WebSocketMessage) string {
	switch {
	case a.Except != nil:
		return *a.Except
	case a.IncludeSender || ws.GetEventType() != "message":
		return ""
	}
	return ws.GetConnectionId()
}
