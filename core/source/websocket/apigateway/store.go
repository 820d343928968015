package apigateway

import (
	"context"
	"errors"
	"time"
)

// row is one connection on the list.
type row struct {
	connection, room string
	connected        time.Time
	// expires is when the connection cannot be there any more.
	expires time.Time
}

// errTaken refuses a connection that is listed in another room: an id is never given twice.
var errTaken = errors.New("the connection is listed already")

// store is the list of connections.
type store interface {
	// check returns *unusable when the list cannot be used as it is configured.
	check(ctx context.Context) error
	// add is durable when it returns nil. To add the same connection to the same room again is no error; errTaken is.
	add(ctx context.Context, r row) error
	// find returns the row of a connection, a zero one when it is not listed.
	find(ctx context.Context, connection string) (row, error)
	// remove takes a connection off the list for good, if it is on it.
	remove(ctx context.Context, connection string) error
	// members calls visit for each connection in a room, one after the other.
	members(ctx context.Context, room string, visit func(row)) error
	// expired calls visit for each connection that expired before now, until it returns an error. visit may remove it.
	expired(ctx context.Context, now time.Time, visit func(row) error) error
	close() error
}

// unusable is the error of a list that no waiting makes usable.
type unusable struct{ message string }

func (e *unusable) Error() string { return e.message }
