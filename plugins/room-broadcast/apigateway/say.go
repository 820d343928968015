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

// concurrency is how many connections of one room are spoken to at the same time.
const concurrency = 32

// Rooms are those of one stage and its table.
type Rooms struct {
	*gateway.Client
	table  *table
	memory *memory
	log    *slog.Logger
}

// Open makes the clients. It makes no request.
func Open(ctx context.Context, s gateway.Settings, log *slog.Logger) (*Rooms, error) {
	client, err := gateway.Open(ctx, s, concurrency)
	if err != nil {
		return nil, err
	}
	return &Rooms{Client: client, table: &table{client.DynamoDB(), s.Table, s.Index}, memory: newMemory(), log: log}, nil
}

// Message is a frame for one connection or a room.
type Message struct {
	// Delivery is the id by which a message that comes again is known.
	Delivery string
	// Connection is the only one that hears it; empty: those in Room, without Except.
	Connection   string
	Room, Except string
	Frame        []byte
}

// Say returns when everybody who is there has got the message. After an error it may be called again: those who have got it
// do not get it twice. Who is gone is taken out of the table, and who does not read fast enough is disconnected; neither is
// an error. An error is an *Error if Amazon refused.
func (r *Rooms) Say(ctx context.Context, m Message) (receipt string, err error) {
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
	slow   []string
	failed int
	err    error // the first failure
}

func (b *broadcast) run(ctx context.Context) error {
	// A refusal that every connection would meet ends the attempt.
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	listeners := make(chan string)
	var posting sync.WaitGroup
	for range concurrency {
		posting.Go(func() {
			for connection := range listeners {
				b.post(ctx, stop, connection)
			}
		})
	}
	err := b.each(ctx, func(connection string) bool {
		select {
		case listeners <- connection:
			return true
		case <-ctx.Done():
			return false
		}
	})
	close(listeners)
	posting.Wait()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err := errors.Join(err, b.failure()); err != nil {
		return err
	}
	return b.drop(ctx)
}

// each calls visit for every receiver that does not have the message yet.
func (b *broadcast) each(ctx context.Context, visit func(string) bool) error {
	if b.Connection != "" {
		visit(b.Connection)
		return nil
	}
	return b.table.each(ctx, b.Room, func(connection string) bool {
		return connection == b.Except || b.memory.has(b.delivery, connection) || visit(connection)
	})
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
	case ctx.Err() != nil: // run returns the cause
	case refusal && refused.Permanent:
		stop(err)
	default:
		b.failed++
		if b.err == nil {
			b.err = err
		}
	}
}

// failure is about connections that may have got the message or not.
func (b *broadcast) failure() error {
	delivered := b.memory.count(b.delivery)
	switch {
	case b.err != nil:
		return fmt.Errorf("%d of %d connections have not got it yet: %w", b.failed+len(b.slow), b.failed+len(b.slow)+delivered, b.err)
	case delivered == 0 && len(b.slow) > 1:
		// They can't all be slow: it is the account that may not call more often.
		return fmt.Errorf("API Gateway refuses to speak to any of %d connections because of too many calls (429)", len(b.slow))
	}
	return nil
}

// drop disconnects the slow ones.
func (b *broadcast) drop(ctx context.Context) error {
	for _, connection := range b.slow {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		b.log.WarnContext(ctx, "disconnecting a connection that takes no more messages", "connection_id", connection, "room", b.Room)
		if err := b.Disconnect(ctx, connection); err != nil {
			return err
		}
		b.remove(ctx, connection)
	}
	return nil
}

// remove takes a connection out of the table. The message does not depend on it: the next broadcast tries again.
func (b *broadcast) remove(ctx context.Context, connection string) {
	if err := b.table.remove(ctx, connection); err != nil {
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
