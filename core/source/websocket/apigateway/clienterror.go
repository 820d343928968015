package apigateway

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pointsman/pointsman/core/source"
)

// clientError tells a client why its message was rejected, as in the native mode.
type clientError struct{ code, text string }

var (
	forbidden = clientError{"forbidden", "Forbidden"}
	// clientErrors maps reasons of refusals to errors.
	clientErrors = map[string]clientError{
		badRoom:           {"bad_room", "The room's name must be 1 to 128 of A-Z a-z 0-9 : . _ -"},
		noRoom:            {"no_room", "The connection is in no room and the message names none"},
		binaryRefused:     {"binary_refused", "Binary messages are not accepted"},
		unknownRoute:      forbidden,
		unknownConnection: forbidden,
		notMember:         forbidden,
	}
)

// sendError sends an error frame to a client if its message was refused: API Gateway itself does not respond to messages.
func (s *Source) sendError(q *request, err error) {
	refused, ok := errors.AsType[*source.Refused](err)
	if !ok {
		return
	}
	c := clientErrors[refused.Reason]
	text, err := json.Marshal(struct {
		Message      string `json:"message"`
		ConnectionID string `json:"connectionId"`
		RequestID    string `json:"requestId"`
		Code         string `json:"code"`
	}{c.text, q.connection, q.message, c.code})
	if err != nil {
		panic(fmt.Sprintf("apigateway: marshal error: %v", err)) // cannot happen: strings
	}
	_ = s.Send(q.connection, text, false) // dropped if the queue is full
}
