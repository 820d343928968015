package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

const (
	// heardAtMost bounds a message that is heard.
	heardAtMost = 16 << 20
	// lastWord is how long the other side has to answer our goodbye.
	lastWord = time.Second
)

// visit is a connection that is in a room.
type visit struct {
	ctx  context.Context // ends the visit, which is one command
	conn net.Conn
	read *wsutil.Reader
}

// enterRoom connects, or says why it was not let in.
func enterRoom(ctx context.Context, t websocketTarget, timeout time.Duration) (*visit, error) {
	var refused error
	dialer := ws.Dialer{Timeout: timeout, OnStatusError: func(_ int, _ []byte, answer io.Reader) { refused = notLetIn(answer) }}
	if !t.token.IsZero() {
		dialer.Header = ws.HandshakeHeaderHTTP{"Authorization": {"Bearer " + t.token.Reveal()}}
	}
	conn, early, _, err := dialer.Dial(ctx, t.url)
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, unreachable(t.shown(), err)
	}
	var from io.Reader = conn
	if early != nil { // it came with the answer to the handshake
		from = io.MultiReader(io.LimitReader(early, int64(early.Buffered())), conn)
	}
	v := &visit{ctx: ctx, conn: conn, read: &wsutil.Reader{
		Source: bufio.NewReader(from), State: ws.StateClientSide, CheckUTF8: true, MaxFrameSize: heardAtMost,
	}}
	v.read.OnIntermediate = func(h ws.Header, r io.Reader) error { _, err := v.control(h, r); return err }
	context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })
	return v, nil
}

// say sends a message and returns when the router has taken it. The router tells nobody so, but it answers the ping that
// follows a message only after the message, and complains before if it did not take it.
func (v *visit) say(message []byte, op ws.OpCode, timeout time.Duration, heard func([]byte) (bool, error)) error {
	if err := wsutil.WriteClientMessage(v.conn, op, message); err != nil {
		return err
	}
	if err := wsutil.WriteClientMessage(v.conn, ws.OpPing, []byte("taken?")); err != nil {
		return err
	}
	err := v.hear(timeout, func(op ws.OpCode, text []byte) (bool, error) {
		if op == ws.OpPong {
			return true, nil
		}
		if err := complaint(text); err != nil {
			return false, err
		}
		_, err := heard(text)
		return false, err
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the router has not answered within %s: whether it took the message is not known", timeout)
	}
	return err
}

// listen prints what is said, until that is enough or the time is over.
func (v *visit) listen(d time.Duration, h *hearing) error {
	if h.want > 0 && h.heard == h.want {
		return nil
	}
	err := v.hear(d, func(op ws.OpCode, text []byte) (bool, error) {
		if op == ws.OpPong {
			return false, nil
		}
		return h.print(text)
	})
	if err != nil && (v.ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded)) {
		err = nil
		if h.heard < h.want {
			err = fmt.Errorf("heard %d of %d messages within %s", h.heard, h.want, d)
		}
	}
	return err
}

// hear calls each for every message and pong until that is enough, fails, or d is over.
func (v *visit) hear(d time.Duration, each func(op ws.OpCode, payload []byte) (enough bool, err error)) error {
	if err := v.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	for v.ctx.Err() == nil {
		h, err := v.read.NextFrame()
		if err != nil {
			return ended(err)
		}
		payload := []byte(nil)
		if h.OpCode.IsControl() {
			payload, err = v.control(h, v.read)
		} else {
			payload, err = io.ReadAll(io.LimitReader(v.read, heardAtMost))
		}
		if err != nil {
			return ended(err)
		}
		if h.OpCode == ws.OpPing {
			continue
		}
		if enough, err := each(h.OpCode, payload); enough || err != nil {
			return err
		}
	}
	return v.ctx.Err()
}

// control answers a control frame and returns what is in it. A close frame is an error.
func (v *visit) control(h ws.Header, r io.Reader) ([]byte, error) {
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, err
	}
	switch h.OpCode {
	case ws.OpPing:
		return nil, wsutil.WriteClientMessage(v.conn, ws.OpPong, payload)
	case ws.OpClose:
		return nil, closedBy(payload)
	}
	return payload, nil
}

// leave says goodbye and waits a moment for the answer, so that the router notes an end in good order.
func (v *visit) leave() {
	defer v.conn.Close()
	if wsutil.WriteClientMessage(v.conn, ws.OpClose, ws.NewCloseFrameBody(ws.StatusNormalClosure, "")) == nil &&
		v.conn.SetReadDeadline(time.Now().Add(lastWord)) == nil {
		_, _ = io.Copy(io.Discard, v.conn) // the command is done, whatever the answer
	}
}

// handshakeRefusals say what to do about the codes of the router's answers to a handshake.
var handshakeRefusals = map[string]string{
	"unauthorized":         "it does not know this token: show one of the source's `tokens`, or one that its `jwt` accepts, with " + envPrefix + "TOKEN or --token",
	"room_forbidden":       "the token does not allow this room: choose another with --room",
	"origin":               "it takes no connections of this origin: see `origins` of the source",
	"bad_room":             "the room's name must be 1 to 128 of A-Z a-z 0-9 : . _ -",
	"no_subprotocol":       "it wants a subprotocol, which this command does not speak",
	"too_many_connects":    "too many clients connect at the moment: try again in a second",
	"too_many_connections": "this address, or the room, has as many connections as it may: see `limits` of the source",
	"full":                 "it has as many connections as it may: see `limits` of the source",
	"stopping":             "it is being stopped",
	"not_stored":           "it cannot write its journal: see its log",
	"upgrade_required":     "something on the way has removed the header Upgrade: a proxy must pass it on",
	"method_not_allowed":   "the source at that path takes no WebSocket: is it of another kind?",
}

// notLetIn makes an error of an answer other than 101.
func notLetIn(answer io.Reader) error {
	resp, err := http.ReadResponse(bufio.NewReader(answer), nil)
	if err != nil {
		return fmt.Errorf("read the router's answer: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read the router's answer: %w", err)
	}
	var problem struct{ Code string }
	why := ""
	if json.Unmarshal(body, &problem) == nil {
		why = handshakeRefusals[problem.Code]
	}
	if resp.StatusCode == http.StatusNotFound {
		why = "no source is mounted at that path"
	}
	switch {
	case resp.StatusCode/100 == 2:
		return fmt.Errorf("what answers there is no WebSocket: it answers %s", resp.Status)
	case why == "":
		return refusal(resp, body, nil)
	}
	return refusal(resp, body, map[int]string{resp.StatusCode: why})
}

// complaints say what to do about the codes of complaints about a message.
var complaints = map[string]string{
	"forbidden":    "it does not take this message: the connection is not in the room that it names, its token does not allow that room, or it selects none of the source's `routes`",
	"rate_limited": "messages come too fast: see `limits` of the source",
	"not_stored":   "it cannot write its journal: see its log",
}

// complaint is the error in a message with which the router says that it did not take one, nil when it is another message.
func complaint(text []byte) error {
	var said struct{ Message, ConnectionID, RequestID, Code string }
	if ours := json.Unmarshal(text, &said) == nil && said.Code != "" && said.RequestID != "" && said.ConnectionID != ""; !ours {
		return nil
	}
	why, known := complaints[said.Code]
	if !known {
		why = said.Message
	}
	err := fmt.Errorf("the router answers %q: %s", said.Code, why)
	if said.Code == "forbidden" {
		return &exitError{code: exitAuth, err: err}
	}
	return err
}

// closings say what a close code means.
var closings = map[int]string{
	1000: "somebody has closed it through the management API",
	1001: "the router stops, or the connection was idle or open for too long: see `limits` of the source",
	1002: "the router did not understand a frame",
	1003: "the source takes no binary messages: see `binary`",
	1007: "the message is not UTF-8",
	1008: "there were too many refused messages",
	1009: "the message is too large: see `limits` of the source",
	1011: "the router failed: see its log",
	1013: "the router cannot write its journal: see its log",
	4401: "the token has expired",
	4408: "messages were not read fast enough",
	4429: "messages came too fast: see `limits` of the source",
}

// closedBy makes an error of a close frame.
func closedBy(payload []byte) error {
	if len(payload) < 2 {
		return errors.New("the router has closed the connection without a reason")
	}
	code := int(binary.BigEndian.Uint16(payload))
	why := closings[code]
	if why == "" {
		why = printable(payload[2:])
	}
	err := fmt.Errorf("the router has closed the connection with %d: %s", code, why)
	if code == 4401 {
		return &exitError{code: exitAuth, err: err}
	}
	return err
}

// ended explains an end without a close frame.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the connection has ended: the router, or something on the way, has gone")
	}
	return err
}
