package main

import (
	"cmp"
	"errors"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// arguments are those of a `dispatch` block.
type arguments struct {
	Room          string  `pointsman:"room" doc:"Who hears it. Default: the event's room, for events of a websocket source."`
	ConnectionID  string  `pointsman:"connection_id" doc:"Say it to this one connection and to no room."`
	Text          *string `pointsman:"text" doc:"What is said: a text."`
	JSON          *string `pointsman:"json" doc:"What is said: JSON, for example of jsonencode(). Without text, json and base64: the member data of what the event's sender sent, or the bytes of a binary message."`
	Base64        *string `pointsman:"base64" doc:"The bytes to send as a binary message, encoded in base64. Goes without envelope."`
	Except        *string `pointsman:"except" doc:"Id of a connection that does not hear it. Default: the speaker's, for messages of a websocket source."`
	IncludeSender bool    `pointsman:"include_sender,default=false" doc:"true: the speaker hears it too."`
	Envelope      bool    `pointsman:"envelope,default=true" doc:"true: {\"data\": what is said, \"received\": Unix seconds}. false: what is said as it is."`
}

// message is a frame and its receivers: one connection, or a room.
type message struct {
	connection   string
	room, except string
	frame
}

// newMessage makes what the arguments ask for, of the event where they are silent.
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
