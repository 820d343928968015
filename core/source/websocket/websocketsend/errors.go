package websocketsend

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// HandshakeError is a response other than 101.
type HandshakeError struct {
	Response *http.Response // its body is read and closed
	Body     []byte
	// Code is the code of the problem document, "" if the response has none.
	Code string
}

func (e *HandshakeError) Error() string {
	return fmt.Sprintf("the handshake was answered with %s: %s", e.Response.Status, e.Body)
}

func handshakeError(response io.Reader) error {
	resp, err := http.ReadResponse(bufio.NewReader(response), nil)
	if err != nil {
		return fmt.Errorf("read the router's answer: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read the router's answer: %w", err)
	}
	var problem struct{ Code string }
	_ = json.Unmarshal(body, &problem) // other servers answer without a problem document
	return &HandshakeError{Response: resp, Body: body, Code: problem.Code}
}

// RejectedError is an error frame: the router did not accept a message.
type RejectedError struct{ Code, Message string }

func (e *RejectedError) Error() string {
	return fmt.Sprintf("message rejected with %q: %s", e.Code, e.Message)
}

// rejectedError returns nil if the message is not an error frame.
func rejectedError(message []byte) error {
	var frame struct{ Message, ConnectionID, RequestID, Code string }
	isFrame := json.Unmarshal(message, &frame) == nil && frame.Code != "" && frame.RequestID != "" && frame.ConnectionID != ""
	if !isFrame {
		return nil
	}
	return &RejectedError{Code: frame.Code, Message: frame.Message}
}

// ClosedError is a close frame of the router.
type ClosedError struct {
	Code   int // 0 if the frame has none
	Reason []byte
}

func (e *ClosedError) Error() string {
	return fmt.Sprintf("connection closed with %d: %q", e.Code, e.Reason)
}

func closedError(payload []byte) error {
	if len(payload) < 2 {
		return &ClosedError{}
	}
	return &ClosedError{Code: int(binary.BigEndian.Uint16(payload)), Reason: payload[2:]}
}

// unexpectedEnd explains an end without a close frame.
func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the connection ended without a close frame: the router, or a proxy on the way, is gone")
	}
	return err
}
