// Package apigateway sends messages to rooms behind an Amazon API Gateway. A DynamoDB table lists the connections of each room.
package apigateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/gateway"
)

// concurrency is the number of connections of one room that are posted to at the same time.
const concurrency = 32

// Rooms are the rooms of one stage and its table.
type Rooms struct {
	*gateway.Client
	table  *gateway.Table
	memory *memory
	log    *slog.Logger
}

// Open makes the clients. It makes no request.
func Open(ctx context.Context, s gateway.Settings, log *slog.Logger) (*Rooms, error) {
	client, err := gateway.Open(ctx, s, concurrency)
	if err != nil {
		return nil, err
	}
	return &Rooms{Client: client, table: client.Table(s), memory: newMemory(), log: log}, nil
}

// Message is a frame for one connection or a room.
type Message struct {
	// Delivery is the id that identifies a repeated message.
	Delivery string
	// Connection is the only receiver. Empty: all connections in Room but Except.
	Connection   string
	Room, Except string
	Frame        []byte
}

// Send returns when every existing connection has received the message. After an error it may be called again: connections that
// have received the message do not receive it twice. A connection that is gone is removed from the table, and one that does not
// read fast enough is disconnected; neither is an error. The error is an *amazon.Error if AWS refused a call.
func (r *Rooms) Send(ctx context.Context, m Message) (receipt string, err error) {
	d, receipt := r.memory.of(m.Delivery)
	if receipt != "" {
		return receipt, nil
	}
	b := &broadcast{Rooms: r, Message: m, delivery: d}
	if err := b.run(ctx); err != nil {
		return "", err
	}
	receipt = b.receipt()
	r.memory.finish(d, receipt)
	return receipt, nil
}

// broadcast is one attempt.
type broadcast struct {
	*Rooms
	Message
	delivery *delivery

	mu     sync.Mutex
	gone   int
	slow   []string // connections to disconnect
	failed int
	err    error // the first failure
}

func (b *broadcast) run(ctx context.Context) error {
	// A permanent refusal of one post applies to all of them, so it ends the attempt.
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	receivers := make(chan string)
	var posting sync.WaitGroup
	for range concurrency {
		posting.Go(func() {
			for connection := range receivers {
				b.post(ctx, stop, connection)
			}
		})
	}
	err := b.each(ctx, func(connection string) bool {
		select {
		case receivers <- connection:
			return true
		case <-ctx.Done():
			return false
		}
	})
	close(receivers)
	posting.Wait()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err := errors.Join(err, b.failure()); err != nil {
		return err
	}
	return b.drop(ctx)
}

// each calls yield for every receiver that does not have the message yet, until it returns false.
func (b *broadcast) each(ctx context.Context, yield func(string) bool) error {
	if b.Connection != "" {
		yield(b.Connection)
		return nil
	}
	for row, err := range b.table.Members(ctx, b.Room) {
		if err != nil {
			return err
		}
		connection := row.String(gateway.ConnectionAttribute)
		if connection != b.Except && !b.memory.has(b.delivery, connection) && !yield(connection) {
			return nil
		}
	}
	return nil
}

// isSlow limits the attempts of this package to connections that may catch up. The router retries after other failures.
func isSlow(err error) bool { return errors.Is(err, gateway.ErrSlow) }

// post sends the message to one connection.
func (b *broadcast) post(ctx context.Context, stop context.CancelCauseFunc, connection string) {
	if ctx.Err() != nil {
		return
	}
	err := b.Post(ctx, connection, b.Frame, isSlow)
	switch {
	case err == nil:
		b.memory.add(b.delivery, connection)
		return
	case errors.Is(err, gateway.ErrGone):
		b.remove(ctx, connection)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	refused, refusal := errors.AsType[*amazon.Error](err)
	switch {
	case errors.Is(err, gateway.ErrGone):
		b.gone++
	case errors.Is(err, gateway.ErrSlow):
		b.slow = append(b.slow, connection)
	case ctx.Err() != nil: // run returns the cause of ctx
	case refusal && refused.Permanent:
		stop(err)
	default:
		b.failed++
		if b.err == nil {
			b.err = err
		}
	}
}

// failure returns an error if a connection may not have received the message.
func (b *broadcast) failure() error {
	delivered := b.memory.count(b.delivery)
	switch {
	case b.err != nil:
		return fmt.Errorf("%d of %d connections have not received it yet: %w", b.failed+len(b.slow), b.failed+len(b.slow)+delivered, b.err)
	case delivered == 0 && len(b.slow) > 1:
		// They are unlikely to be slow all at once: the account has reached its request rate.
		return fmt.Errorf("API Gateway refused the posts to all %d connections: too many calls (429)", len(b.slow))
	}
	return nil
}

// drop disconnects the slow connections.
func (b *broadcast) drop(ctx context.Context) error {
	for _, connection := range b.slow {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		b.log.WarnContext(ctx, "disconnecting a connection that does not read", "connection_id", connection, "room", b.Room)
		if err := b.Disconnect(ctx, connection); err != nil && !errors.Is(err, gateway.ErrGone) {
			return err
		}
		b.remove(ctx, connection)
	}
	return nil
}

// remove deletes a connection from the table. A failure is only logged, because the next broadcast tries again.
func (b *broadcast) remove(ctx context.Context, connection string) {
	if err := remove(ctx, b.table, connection); err != nil {
		b.log.WarnContext(ctx, "a connection that is gone stays in the table", "connection_id", connection, "err", err)
	}
}

func (b *broadcast) receipt() string {
	text := fmt.Sprintf("delivered: %d", b.memory.count(b.delivery))
	if b.gone > 0 {
		text += fmt.Sprintf(", gone: %d", b.gone)
	}
	if len(b.slow) > 0 {
		text += fmt.Sprintf(", too slow and disconnected: %d", len(b.slow))
	}
	return text
}
