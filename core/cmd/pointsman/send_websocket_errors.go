package main

import (
	"errors"
	"fmt"

	"github.com/pointsman/pointsman/core/source/websocket/websocketsend"
)

// handshakeAdvice maps codes of problem documents to what the user can do. For other codes the document's detail says it.
var handshakeAdvice = map[string]string{
	"unauthorized":   "the source does not accept this token: use one of its `tokens`, or one that its `jwt` accepts, with " + envPrefix + "TOKEN or --token",
	"room_forbidden": "the token does not allow this room: choose another with --room",
	"no_subprotocol": "the source requires a subprotocol, which this command does not offer",
}

// rejectedAdvice maps codes of error frames to what the user can do.
var rejectedAdvice = map[string]string{
	"forbidden":    "the connection is not in the room that the message names, its token does not allow that room, or the message matches none of the source's `routes`",
	"rate_limited": "messages come too fast: see `limits` of the source",
	"not_stored":   "the router cannot write its journal: see its log",
}

// closedAdvice maps close codes to their meaning.
var closedAdvice = map[int]string{
	0:    "no reason given",
	1000: "it was closed through the management API",
	1001: "the router is stopping, or the connection was idle or open for too long: see `limits` of the source",
	1002: "the router could not parse a frame",
	1003: "the source accepts no binary messages: see `binary`",
	1007: "the message is not UTF-8",
	1008: "too many messages were rejected",
	1009: "the message is too large: see `limits` of the source",
	1011: "internal error of the router: see its log",
	1013: "the router cannot write its journal: see its log",
	4401: "the token has expired",
	4408: "messages were not read fast enough",
	4429: "messages came too fast: see `limits` of the source",
}

// dialError explains why no connection was made.
func dialError(shown string, err error) error {
	e, ok := errors.AsType[*websocketsend.HandshakeError](err)
	if !ok {
		return unreachable(shown, err)
	}
	if e.Response.StatusCode/100 == 2 {
		return fmt.Errorf("no WebSocket is served there: the answer is %s", e.Response.Status)
	}
	refusals := map[int]string{}
	if advice, ok := handshakeAdvice[e.Code]; ok {
		refusals[e.Response.StatusCode] = advice
	}
	return refusal(e.Response, e.Body, refusals)
}

// connError explains an error of a connection.
func connError(err error) error {
	if e, ok := errors.AsType[*websocketsend.RejectedError](err); ok {
		advice, known := rejectedAdvice[e.Code]
		if !known {
			advice = e.Message
		}
		return withAuthCode(e.Code == "forbidden", fmt.Errorf("the router answers %q: %s", e.Code, advice))
	}
	if e, ok := errors.AsType[*websocketsend.ClosedError](err); ok {
		advice, known := closedAdvice[e.Code]
		if !known {
			advice = printable(string(e.Reason))
		}
		return withAuthCode(e.Code == 4401, fmt.Errorf("the router has closed the connection with %d: %s", e.Code, advice))
	}
	return err
}

func withAuthCode(auth bool, err error) error {
	if auth {
		return &exitError{code: exitAuth, err: err}
	}
	return err
}
