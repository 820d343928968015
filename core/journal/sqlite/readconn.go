package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

// readConn is a connection for reading that goroutines share, one at a time.
type readConn struct {
	turn chan struct{} // holds one token while the connection is free
	c    *sqlite.Conn  // nil after close; belongs to the holder of the token
}

func newReadConn() readConn {
	r := readConn{turn: make(chan struct{}, 1)}
	r.turn <- struct{}{}
	return r
}

// do calls f with the connection. Both the wait for the connection and f's statements end when ctx does.
func (r *readConn) do(ctx context.Context, f func(*sqlite.Conn) error) error {
	select {
	case <-r.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { r.turn <- struct{}{} }()
	if r.c == nil {
		return journal.ErrClosed
	}
	r.c.SetInterrupt(ctx.Done())
	defer r.c.SetInterrupt(nil)
	err := f(r.c)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (r *readConn) close() error {
	<-r.turn
	defer func() { r.turn <- struct{}{} }()
	if r.c == nil {
		return nil
	}
	c := r.c
	r.c = nil
	return c.Close()
}
