// Package websocketsend is a client of a websocket source: it joins a room, sends messages and receives what others send. Only
// `pointsman send` and tests use it; the source itself only serves connections.
package websocketsend

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

const (
	// maxMessage bounds a received message.
	maxMessage = 16 << 20
	// closeTimeout is how long Close waits for the router's close frame.
	closeTimeout = time.Second
)

// Message is a message to a room. A client may also send a message without these members: it goes to the room that the
// connection is in.
type Message struct {
	Room string          `json:"room"`
	Data json.RawMessage `json:"data"`
}

// Body returns the message as JSON.
func (m *Message) Body() ([]byte, error) { return json.Marshal(m) }

// AsJSON returns a received message as JSON: a text that is not JSON as a string, and bytes that are not text as
// {"base64": "..."}.
func AsJSON(message []byte) json.RawMessage {
	value := any(string(message))
	switch {
	case json.Valid(message):
		return message
	case !utf8.Valid(message):
		value = map[string][]byte{"base64": message}
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic("websocketsend: marshal message: " + err.Error()) // cannot happen
	}
	return text
}

// Conn is a connection that is in a room. It is not safe for concurrent use.
type Conn struct {
	ctx  context.Context // of Dial; its end interrupts Send and Receive
	conn net.Conn
	read *wsutil.Reader
}

// Dial connects to a URL such as ws://127.0.0.1:8080/hooks/chat?room=lobby. An empty token is not sent. If the response is not
// 101, the error is *HandshakeError; after any other error the router could not be reached.
func Dial(ctx context.Context, url string, token schema.Secret, timeout time.Duration) (*Conn, error) {
	var refused error
	dialer := ws.Dialer{Timeout: timeout, OnStatusError: func(_ int, _ []byte, response io.Reader) { refused = handshakeError(response) }}
	if !token.IsZero() {
		dialer.Header = ws.HandshakeHeaderHTTP{"Authorization": {"Bearer " + token.Reveal()}}
	}
	conn, early, _, err := dialer.Dial(ctx, url)
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, err
	}
	var from io.Reader = conn
	if early != nil { // frames that arrived together with the response
		from = io.MultiReader(io.LimitReader(early, int64(early.Buffered())), conn)
	}
	c := &Conn{ctx: ctx, conn: conn, read: &wsutil.Reader{
		Source: bufio.NewReader(from), State: ws.StateClientSide, CheckUTF8: true, MaxFrameSize: maxMessage,
	}}
	c.read.OnIntermediate = func(h ws.Header, r io.Reader) error { _, err := c.control(h, r); return err }
	context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })
	return c, nil
}

// Send sends a message and returns when the router has accepted it. If the router rejects it, the error is *RejectedError. receive is
// called with other messages that arrive meanwhile.
func (c *Conn) Send(message []byte, binary bool, timeout time.Duration, receive func([]byte) (done bool, err error)) error {
	if err := c.Write(message, binary); err != nil {
		return err
	}
	return c.Confirm(timeout, receive)
}

// Write sends a message and does not wait: whether the router has accepted it is known after Confirm.
func (c *Conn) Write(message []byte, binary bool) error {
	op := ws.OpText
	if binary {
		op = ws.OpBinary
	}
	return wsutil.WriteClientMessage(c.conn, op, message)
}

// Confirm returns when the router has accepted every message written before. The router does not acknowledge messages, but it
// answers a ping only after everything before it, and sends an error frame first if it rejects a message; then the error is
// *RejectedError. A source allows about one ping a second. receive is called with other messages that arrive meanwhile.
func (c *Conn) Confirm(timeout time.Duration, receive func([]byte) (done bool, err error)) error {
	if err := wsutil.WriteClientMessage(c.conn, ws.OpPing, nil); err != nil {
		return err
	}
	err := c.frames(timeout, func(op ws.OpCode, payload []byte) (bool, error) {
		if op == ws.OpPong {
			return true, nil
		}
		if err := rejectedError(payload); err != nil {
			return false, err
		}
		_, err := receive(payload)
		return false, err
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the router has not answered within %s: it is not known whether it accepted the message", timeout)
	}
	return err
}

// Receive calls receive with every message until it is done, returns an error, or d has passed: then the error is
// os.ErrDeadlineExceeded.
func (c *Conn) Receive(d time.Duration, receive func([]byte) (done bool, err error)) error {
	return c.frames(d, func(op ws.OpCode, payload []byte) (bool, error) {
		if op == ws.OpPong {
			return false, nil
		}
		return receive(payload)
	})
}

// frames calls each with every message and pong until it is done or fails, or d has passed.
func (c *Conn) frames(d time.Duration, each func(op ws.OpCode, payload []byte) (done bool, err error)) error {
	if err := c.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	for c.ctx.Err() == nil {
		h, err := c.read.NextFrame()
		if err != nil {
			return unexpectedEnd(err)
		}
		payload := []byte(nil)
		if h.OpCode.IsControl() {
			payload, err = c.control(h, c.read)
		} else {
			payload, err = io.ReadAll(io.LimitReader(c.read, maxMessage))
		}
		if err != nil {
			return unexpectedEnd(err)
		}
		if h.OpCode == ws.OpPing {
			continue
		}
		if done, err := each(h.OpCode, payload); done || err != nil {
			return err
		}
	}
	return c.ctx.Err()
}

// control answers a control frame and returns its payload. A close frame is an error.
func (c *Conn) control(h ws.Header, r io.Reader) ([]byte, error) {
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, err
	}
	switch h.OpCode {
	case ws.OpPing:
		return nil, wsutil.WriteClientMessage(c.conn, ws.OpPong, payload)
	case ws.OpClose:
		return nil, closedError(payload)
	}
	return payload, nil
}

// Close performs the closing handshake, so that the router records a clean end, and closes the connection.
func (c *Conn) Close() {
	defer c.conn.Close()
	if wsutil.WriteClientMessage(c.conn, ws.OpClose, ws.NewCloseFrameBody(ws.StatusNormalClosure, "")) == nil &&
		c.conn.SetReadDeadline(time.Now().Add(closeTimeout)) == nil {
		_, _ = io.Copy(io.Discard, c.conn) // until the router closes the connection as well
	}
}
