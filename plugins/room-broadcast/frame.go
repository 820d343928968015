package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// spoken is what clients in a room receive. Go's encoding of it is the contract: data without spaces, and with <, > and &
// escaped.
type spoken struct {
	Data     json.RawMessage `json:"data"`
	Received int64           `json:"received"`
}

// newFrame makes the text frame that the connections get.
func newFrame(a *arguments, env *pointsmanv1.Envelope) ([]byte, error) {
	if a.Text != nil && a.JSON != nil {
		return nil, errors.New("text and json: write only one of them")
	}
	if a.Text != nil && !a.Envelope {
		return []byte(*a.Text), nil
	}
	data, err := content(a, env)
	if err != nil || !a.Envelope {
		return data, err
	}
	return json.Marshal(spoken{Data: data, Received: received(env)})
}

// received is when the router got the event, so that it is the same at every attempt.
func received(env *pointsmanv1.Envelope) int64 {
	return cmp.Or(env.GetReceivedUnixNano(), time.Now().UnixNano()) / int64(time.Second)
}

// content is what is said, as JSON.
func content(a *arguments, env *pointsmanv1.Envelope) (json.RawMessage, error) {
	switch {
	case a.Text != nil:
		return json.Marshal(*a.Text)
	case a.JSON != nil:
		if !json.Valid([]byte(*a.JSON)) {
			return nil, errors.New("json: this is not JSON: write json = jsonencode(...), or say it by text")
		}
		return json.RawMessage(*a.JSON), nil
	}
	return dataOf(env)
}

// dataOf is the member data of what the sender sent. A message of a websocket source says null when it has none; with other events a missing member is more likely a mistake in the rule.
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
		return nil, fmt.Errorf("a %s event says nothing by itself: %s", env.GetType(), hint)
	case err != nil:
		return nil, fmt.Errorf("what was sent is not a JSON object: %s", hint)
	case published.Data == nil && !isMessage:
		return nil, fmt.Errorf("what was sent has no member data: %s", hint)
	case published.Data == nil:
		return json.RawMessage("null"), nil
	}
	return bytes.ToValidUTF8(published.Data, []byte("\uFFFD")), nil
}
