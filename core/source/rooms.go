package source

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Rooms sends messages to the connections of a source, and shows and closes them for operators. Broadcast and Send never block. The
// other methods may wait for a service that holds the connections, until ctx ends; they do not delay messages.
type Rooms interface {
	// Broadcast sends to every connection in the room, but not to the connection with the id except, and returns to how many.
	Broadcast(room string, data []byte, binary bool, except string) (sent int)
	// Send sends to one connection. The error is ErrGone, ErrBusy or ErrTooLarge.
	Send(connectionID string, data []byte, binary bool) error
	// List returns all rooms, sorted by name.
	List(ctx context.Context) ([]RoomInfo, error)
	// Members returns the connections in a room, oldest first; none if there is no such room.
	Members(ctx context.Context, room string) ([]RoomMember, error)
	// Close closes the connections in a room or, if room is empty, the connection with the id, and returns how many it closed.
	// code is a close code of RFC 6455, 0 for 1000; reason has at most 123 bytes. The clients may need some seconds to leave. The
	// error is ErrGone if there is no such connection, and ErrInvalidClose if the arguments make no sense; after any other error
	// some connections may be closed.
	Close(ctx context.Context, room, connectionID string, code int, reason string) (closed int, err error)
}

// RoomInfo is a room with the number of connections in it.
type RoomInfo struct {
	Name    string
	Members int
}

// RoomMember is a connection in a room. What its source does not know is zero.
type RoomMember struct {
	ConnectionID          string
	Connected, LastActive time.Time
	// RemoteAddress is the client's IP address.
	RemoteAddress, UserAgent string
	// Subject is who the client's JSON Web Token says it is.
	Subject string
	// QueuedBytes waits to be sent to it.
	QueuedBytes int64
}

// Errors of Rooms.
var (
	// ErrGone means that the connection does not exist any more, or is being closed.
	ErrGone = errors.New("the connection is gone")
	// ErrBusy means that the queue of the connection is full. It may drain again.
	ErrBusy = errors.New("the client reads too slowly: its queue is full")
	// ErrTooLarge means that the message exceeds the limit of the source.
	ErrTooLarge = errors.New("the message is too large")
	// ErrInvalidClose means that connections cannot be closed as asked for.
	ErrInvalidClose = errors.New("connections cannot be closed like this")
)

// CloseNormal is the close code of connections that are closed without giving another.
const CloseNormal = 1000

// CheckClose checks the arguments of Rooms.Close and returns the code to send. The error wraps ErrInvalidClose.
func CheckClose(room, connectionID string, code int, reason string) (int, error) {
	const maxReason = 123 // bytes: a control frame has at most 125
	problem := ""
	switch {
	case (room == "") == (connectionID == ""):
		problem = "name either a room or a connection"
	case code != 0 && !maySend(code):
		problem = fmt.Sprintf("%d is not a close code that a server may send: use 1000 to 1003, 1007 to 1009, 1011 to 1014 or 3000 to 4999", code)
	case len(reason) > maxReason:
		problem = fmt.Sprintf("the reason has %d bytes, and may have %d", len(reason), maxReason)
	case !utf8.ValidString(reason):
		problem = "the reason is not UTF-8"
	case code == 0:
		return CloseNormal, nil
	default:
		return code, nil
	}
	return 0, fmt.Errorf("%w: %s", ErrInvalidClose, problem)
}

// maySend reports whether a server may send a close code: RFC 6455 section 7.4, and IANA's registry for 1012 to 1014. 1010 is only for
// clients.
func maySend(code int) bool {
	return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1009 || code >= 1011 && code <= 1014 || code >= 3000 && code <= 4999
}
