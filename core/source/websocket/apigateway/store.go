package apigateway

import (
	"context"
	"errors"
	"time"
)

// row is one connection in the table.
type row struct {
	connection, room string
	connected        time.Time
	// expires is when the connection must have ended.
	expires time.Time
}

// errTaken means that the connection is in the table with another room: connection ids are unique.
var errTaken = errors.New("the connection is already in the table")

// store is the table of connections.
type store interface {
	// check returns *unusable if the table cannot be used as configured.
	check(ctx context.Context) error
	// add is durable when it returns nil. Adding a connection to the same room again is no error, to another room errTaken.
	add(ctx context.Context, r row) error
	// find returns the row of a connection, a zero row if there is none.
	find(ctx context.Context, connection string) (row, error)
	// remove removes a connection, if there is such a row.
	remove(ctx context.Context, connection string) error
	// members calls each for every connection in a room, one after the other.
	members(ctx context.Context, room string, each func(row)) error
	// all calls each for every connection.
	all(ctx context.Context, each func(row)) error
	// expired calls each for every connection that expired before now, until it returns an error. each may remove the connection.
	expired(ctx context.Context, now time.Time, each func(row) error) error
	close() error
}

// unusable is the permanent error of a table that does not fit the configuration.
type unusable struct{ message string }

func (e *unusable) Error() string { return e.message }
