package apigateway

import (
	"errors"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/websocket"
)

// clientErrors maps reasons of refusals to the errors that a client gets.
var clientErrors = map[string]*websocket.ClientError{
	badRoom:           websocket.ProblemBadRoom,
	noRoom:            websocket.ProblemNoRoom,
	binaryRefused:     {Code: "binary_refused", Text: "Binary messages are not accepted"},
	unknownRoute:      websocket.ProblemForbidden,
	unknownConnection: websocket.ProblemForbidden,
	notMember:         websocket.ProblemForbidden,
}

// sendError sends an error frame to a client if its message was refused: API Gateway itself does not respond to messages.
func (s *Source) sendError(q *request, err error) {
	if refused, ok := errors.AsType[*source.Refused](err); ok {
		_ = s.Send(q.connection, clientErrors[refused.Reason].Encode(q.connection, q.message), false) // dropped if the queue is full
	}
}
