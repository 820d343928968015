package websocket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

const (
	// maxFragments limits the number of fragments of a message.
	maxFragments = 1024
	// controlRate (per second) and controlBurst limit pings and pongs: real clients send one every few seconds.
	controlRate, controlBurst = 1, 30
	// readChunk is how much memory is allocated before the payload arrives, whatever length the header announces.
	readChunk = 4 << 10
	// maxDrain limits the bytes read and discarded from a connection that is being closed.
	maxDrain = 1 << 20
)

// violation is a protocol error or an exceeded limit for which a connection is closed.
type violation struct {
	code   int
	reason string
}

func (v *violation) Error() string { return fmt.Sprintf("%d %s", v.code, v.reason) }

func violates(code int, reason string) error { return &violation{code: code, reason: reason} }

// serve reads until the connection ends, then closes and removes it.
func (c *conn) serve() {
	defer c.source.leave(c)
	defer func() { _ = c.net.Close() }()
	defer func() {
		if p := recover(); p != nil {
			c.source.log.Error("panic while handling a message", "connection", c.id, "err", fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			c.close(codeInternal, "internal error")
			c.drain()
		}
	}()
	err := c.readAll()
	if v, ok := errors.AsType[*violation](err); ok {
		c.close(v.code, v.reason)
	} else if err != nil { // the client is gone, or its closeTimeout is over
		c.mu.Lock()
		c.end(codeAbnormal)
		c.mu.Unlock()
		return
	}
	c.drain()
}

// drain waits at most closeTimeout for the client to read everything and close.
func (c *conn) drain() {
	c.setCloseDeadline()
	_, _ = io.CopyN(io.Discard, c.read, maxDrain)
}

// readAll handles messages. It returns nil after a close frame of either side, *violation if the client must be disconnected, and
// any other error if the connection is lost.
func (c *conn) readAll() error {
	for {
		op, message, err := c.readMessage()
		if err != nil {
			return err
		}
		if op == ws.OpClose || c.ending() {
			return nil
		}
		c.busy.Store(true)
		err = c.handle(op, message)
		c.received.Store(c.source.now().UnixNano())
		c.busy.Store(false)
		if err != nil {
			return err
		}
	}
}

// readMessage returns the next message, or OpClose after the client's close frame. It answers pings, also between the fragments of
// a message.
func (c *conn) readMessage() (ws.OpCode, []byte, error) {
	var message []byte
	var op ws.OpCode
	state := ws.StateServerSide
	for fragments := 1; ; {
		h, err := c.readHeader(state, len(message))
		if err != nil {
			return 0, nil, err
		}
		if h.OpCode.IsControl() {
			if closed, err := c.control(h); err != nil || closed {
				return ws.OpClose, nil, err
			}
			continue
		}
		if message, err = c.readPayload(h, message); err != nil {
			return 0, nil, err
		}
		if h.OpCode != ws.OpContinuation {
			op = h.OpCode
		}
		if h.Fin {
			break
		}
		if fragments++; fragments > maxFragments {
			return 0, nil, violates(codePolicy, "too many fragments")
		}
		state = state.Set(ws.StateFragmented)
	}
	if op == ws.OpText && !utf8.Valid(message) {
		return 0, nil, violates(codeNotUTF8, "not UTF-8")
	}
	return op, message, nil
}

// readHeader reads and checks the header of a frame. sofar is the number of bytes of the message's earlier fragments.
func (c *conn) readHeader(state ws.State, sofar int) (ws.Header, error) {
	h, err := ws.ReadHeaderBuffer(c.read, c.header[:])
	switch {
	case errors.Is(err, ws.ErrHeaderLengthMSB), errors.Is(err, ws.ErrHeaderLengthUnexpected):
		return h, violates(codeProtocol, "bad frame length")
	case err != nil:
		return h, err
	}
	c.received.Store(c.source.now().UnixNano())
	if err := ws.CheckHeader(h, state); err != nil {
		return h, violates(codeProtocol, err.Error())
	}
	switch l := c.source.limits; {
	case h.OpCode.IsControl():
	case h.Length > int64(l.Frame):
		return h, violates(codeTooLarge, fmt.Sprintf("a frame has at most %d bytes", l.Frame))
	case h.Length > int64(l.Message-sofar):
		return h, violates(codeTooLarge, fmt.Sprintf("a message has at most %d bytes", l.Message))
	}
	return h, nil
}

// readPayload appends a frame's payload to message. Memory grows with the bytes received, not with the announced length.
func (c *conn) readPayload(h ws.Header, message []byte) ([]byte, error) {
	start := len(message)
	for left := int(h.Length); left > 0; {
		n := min(left, readChunk)
		message = slices.Grow(message, n)
		part := message[len(message) : len(message)+n]
		if _, err := io.ReadFull(c.read, part); err != nil {
			return nil, err
		}
		message = message[:len(message)+n]
		left -= n
	}
	ws.Cipher(message[start:], h.Mask, 0)
	return message, nil
}

// control handles a control frame. closed is set after a close frame.
func (c *conn) control(h ws.Header) (closed bool, err error) {
	payload, err := c.readPayload(h, nil)
	if err != nil {
		return false, err
	}
	if h.OpCode == ws.OpClose {
		return true, c.echoClose(payload)
	}
	if !c.controls.AllowN(c.source.now(), 1) {
		return false, violates(codePolicy, "too many control frames")
	}
	if h.OpCode == ws.OpPing {
		c.sendControl(ws.NewPongFrame(payload))
	}
	return false, nil
}

// sendControl queues a ping or pong. It is dropped if the queue is full.
func (c *conn) sendControl(f ws.Frame) {
	frame := ws.MustCompileFrame(f)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing && c.queued+len(frame) <= c.source.limits.Queue {
		c.push(frame)
	}
}

// echoClose answers the client's close frame with the same code.
func (c *conn) echoClose(payload []byte) error {
	switch {
	case len(payload) == 0:
		c.closeWith(codeNone, nil)
		return nil
	case len(payload) == 1:
		return violates(codeProtocol, "bad close frame")
	}
	code := int(binary.BigEndian.Uint16(payload))
	switch {
	case !validCloseCode(code):
		return violates(codeProtocol, "bad close code")
	case !utf8.Valid(payload[2:]):
		return violates(codeNotUTF8, "not UTF-8")
	}
	c.closeWith(code, payload[:2])
	return nil
}

// validCloseCode reports whether a client may send the code: RFC 6455 section 7.4 and IANA's registry.
func validCloseCode(code int) bool {
	return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999
}
