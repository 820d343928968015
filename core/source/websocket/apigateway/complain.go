package apigateway

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pointsman/pointsman/core/source"
)

// complaint is what a client is told when its message was refused, as in the native mode.
type complaint struct{ code, text string }

var (
	forbidden = complaint{"forbidden", "Forbidden"}
	// complaints are by the reason of the refusal.
	complaints = map[string]complaint{
		badRoom:           {"bad_room", "The room's name must be 1 to 128 of A-Z a-z 0-9 : . _ -"},
		noRoom:            {"no_room", "The connection is in no room and the message names none"},
		binaryRefused:     {"binary_refused", "Binary messages are not taken"},
		unknownRoute:      forbidden,
		unknownConnection: forbidden,
		notMember:         forbidden,
	}
)

// complain tells a client that its message was refused: API Gateway answers messages with nothing.
func (s *Source) complain(q *request, err error) {
	refused, ok := errors.AsType[*source.Refused](err)
	if !ok {
		return
	}
	c := complaints[refused.Reason]
	text, err := json.Marshal(struct {
		Message      string `json:"message"`
		ConnectionID string `json:"connectionId"`
		RequestID    string `json:"requestId"`
		Code         string `json:"code"`
	}{c.text, q.connection, q.message, c.code})
	if err != nil {
		panic(fmt.Sprintf("apigateway: complaint: %v", err)) // cannot happen: strings
	}
	_ = s.Send(q.connection, text, false) // when too much waits already, it is not the complaint that is missed
}
