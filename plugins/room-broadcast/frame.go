package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// envelope is the message that clients in a room receive. Clients rely on Go's encoding of it: data without spaces, and with <, >
// and & escaped.
type envelope struct {
	Data     json.RawMessage `json:"data"`
	Received int64           `json:"received"`
}

// frame is the WebSocket message that the connections receive.
type frame struct {
	data   []byte
	binary bool // a text frame otherwise
}

// newFrame makes a binary frame from base64 or from a binary message that is repeated, and a text frame from everything else.
func newFrame(a *arguments, env *pointsmanv1.Envelope) (frame, error) {
	switch given := count(a.Text, a.JSON, a.Base64); {
	case given > 1:
		return frame{}, errors.New("text, json and base64: write only one of them")
	case a.Base64 != nil:
		return decodeFrame(*a.Base64)
	case given == 0 && isBinary(env):
		return frame{data: env.GetBody(), binary: true}, nil
	}
	data, err := newText(a, env)
	return frame{data: data}, err
}

func count(contents ...*string) (given int) {
	for _, c := range contents {
		if c != nil {
			given++
		}
	}
	return given
}

func decodeFrame(text string) (frame, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return frame{}, errors.New("base64: want the standard alphabet with padding (RFC 4648, section 4)")
	}
	return frame{data: data, binary: true}, nil
}

// isBinary reports whether the event is a binary message of a WebSocket client. A text message always has its text.
func isBinary(env *pointsmanv1.Envelope) bool {
	ws := env.GetWebsocket()
	return ws.GetEventType() == "message" && ws.GetText() == "" && ws.GetBody() == nil && len(env.GetBody()) > 0
}

// newText makes the text of a text frame.
func newText(a *arguments, env *pointsmanv1.Envelope) ([]byte, error) {
	if a.Text != nil && !a.Envelope {
		return []byte(*a.Text), nil
	}
	data, err := content(a, env)
	if err != nil || !a.Envelope {
		return data, err
	}
	return json.Marshal(envelope{Data: data, Received: received(env)})
}

// received returns the time of the event, which is the same at every attempt.
func received(env *pointsmanv1.Envelope) int64 {
	return cmp.Or(env.GetReceivedUnixNano(), time.Now().UnixNano()) / int64(time.Second)
}

// content returns the content of the message as JSON.
func content(a *arguments, env *pointsmanv1.Envelope) (json.RawMessage, error) {
	switch {
	case a.Text != nil:
		return json.Marshal(*a.Text)
	case a.JSON != nil:
		if !json.Valid([]byte(*a.JSON)) {
			return nil, errors.New("json: this is not JSON: write json = jsonencode(...), or use text")
		}
		return json.RawMessage(*a.JSON), nil
	}
	return dataOf(env)
}

// dataOf returns the member data of the event's JSON. If a message of a websocket source has none, the result is null; for other
// events it is an error, because the rule is probably wrong.
func dataOf(env *pointsmanv1.Envelope) (json.RawMessage, error) {
	sent, isMessage := env.GetBody(), false
	if ws := env.GetWebsocket(); ws != nil {
		sent, isMessage = ws.GetBody().GetText(), ws.GetEventType() == "message"
	} else if j := env.GetJson(); j != nil {
		sent = j.GetText()
	}
	var published struct {
		Data json.RawMessage `json:"data"`
	}
	const hint = "write text or json into the dispatch block"
	switch err := json.Unmarshal(sent, &published); {
	case len(sent) == 0 && !isMessage:
		return nil, fmt.Errorf("a %s event carries no content: %s", env.GetType(), hint)
	case err != nil:
		return nil, fmt.Errorf("the event is not a JSON object: %s", hint)
	case published.Data == nil && !isMessage:
		return nil, fmt.Errorf("the event has no member data: %s", hint)
	case published.Data == nil:
		return json.RawMessage("null"), nil
	}
	return bytes.ToValidUTF8(published.Data, []byte("\uFFFD")), nil
}
