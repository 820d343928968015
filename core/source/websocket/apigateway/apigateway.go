// Package apigateway puts the router behind an Amazon API Gateway WebSocket API. Clients connect to the API; its HTTP
// integrations post connects, messages and disconnects to the router, which posts messages for a room to the API's @connections.
// A DynamoDB table, or a file, stores the room of each connection.
//
// The events are those of the native mode, in package websocket, so one rule works for both. Two things differ: a connection
// stays in one room, and API Gateway does not guarantee a $disconnect. So a connection also counts as ended when a post to it is
// answered 410, or when it is older than the API allows. Its disconnect event has the same id in all cases, so it is stored once;
// only then the connection is removed from the table.
package apigateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/websocket"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/gateway"
)

const (
	// sweepInterval is how often the table is searched for stale connections. A sweep reads the whole table.
	sweepInterval = time.Hour
	// storeTimeout limits how long a request waits for the table. API Gateway waits 29 s for the response.
	storeTimeout = 5 * time.Second
)

// Source is one configured API.
type Source struct {
	*source.Webhook
	settings  *websocket.Settings
	sensitive bool
	intake    source.Intake
	log       *slog.Logger
	now       func() time.Time
	sender    *sender
	// backend opens the table and the API client, once. newSource does not, because `pointsman validate` makes sources as well.
	backend func() (*backend, error)
}

// backend is the table of connections and the API that they belong to.
type backend struct {
	store store
	api   *gateway.Client
}

var (
	_ source.Source = (*Source)(nil)
	_ source.Rooms  = (*Source)(nil)
)

// Mode returns the constructor of this mode for websocket.Kind.
func Mode(m *Metrics) func(*websocket.Settings, source.Deps) (source.Source, error) {
	return func(settings *websocket.Settings, d source.Deps) (source.Source, error) {
		return newSource(settings, d, m)
	}
}

// newSource makes the source. The connection list is opened at its first use.
func newSource(settings *websocket.Settings, d source.Deps, metrics *Metrics) (*Source, error) {
	if err := check(settings); err != nil {
		return nil, err
	}
	secrets, secretWarnings, err := newSecrets(settings.APIGateway.Secrets)
	if err != nil {
		return nil, err
	}
	s := &Source{
		settings: settings, sensitive: d.Sensitive, intake: d.Intake, log: d.Log.With("source", d.Name), now: d.Now,
	}
	s.backend = sync.OnceValues(s.open)
	s.sender = newSender(s, metrics.of(d.Name))
	s.Webhook, err = source.NewWebhook(source.WebhookOptions{
		Deps: d, Info: source.Info{
			Kind: websocket.Name, Path: settings.Path, Memory: settings.Durability == "memory",
			Warnings: append(warnings(settings), secretWarnings...), Rooms: s,
		},
		Protocol:          &protocol{Source: s, secrets: secrets},
		Limits:            source.Limits{Body: bodyLimit(settings)},
		Success:           http.StatusOK,
		Secrets:           len(settings.APIGateway.Secrets),
		KnownTypes:        []string{websocket.TypeConnect, websocket.TypeMessage, websocket.TypeDisconnect},
		RefusalReasons:    refusalReasons(),
		QuarantineReasons: []string{badBase64},
	})
	return s, err
}

// open creates the clients and opens the table. It makes no request.
func (s *Source) open() (*backend, error) {
	settings := s.settings.APIGateway
	api, err := gateway.Open(context.Background(), settings.Settings, maxPosts)
	if err != nil {
		return nil, fmt.Errorf("apigateway: %w", err)
	}
	o := &backend{api: api}
	if settings.File != "" {
		o.store, err = openFile(settings.File)
		return o, err
	}
	o.store = newTable(api, settings)
	return o, nil
}

// Run sends messages and sweeps the table until ctx ends. Then it drains the queues for at most drainTimeout. It returns an error
// at once if the table cannot be used as configured.
func (s *Source) Run(ctx context.Context) error {
	out, err := s.backend()
	if err != nil {
		return fmt.Errorf("source %q: %w", s.Info().Name, err)
	}
	defer func() { _ = out.api.Close() }() // closes idle connections only
	if err := s.checkStore(ctx, out.store); err != nil {
		return errors.Join(err, out.store.close())
	}
	s.sender.start(out)
	ticks := time.NewTicker(sweepInterval)
	defer ticks.Stop()
	for {
		s.sweep(ctx, out.store)
		select {
		case <-ticks.C:
		case <-ctx.Done():
			s.sender.stop()
			return out.store.close()
		}
	}
}

// checkStore returns an error if the table can never work, and only logs that it does not respond at the moment.
func (s *Source) checkStore(ctx context.Context, list store) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := list.check(ctx)
	if wrong, ok := errors.AsType[*unusable](err); ok {
		return fmt.Errorf("source %q: %w", s.Info().Name, wrong)
	}
	if err != nil {
		s.log.Warn("connection table unavailable, answering 503", "err", err)
	}
	return nil
}

// sweep ends the connections that are older than the API allows.
func (s *Source) sweep(ctx context.Context, list store) {
	var swept int
	err := list.expired(ctx, s.now(), func(r row) error {
		swept++
		return s.end(ctx, list, r)
	})
	if err != nil && ctx.Err() == nil {
		s.log.Warn("connection table was not swept", "err", err)
	}
	if swept > 0 {
		s.log.Info("stale connections removed", "count", swept)
	}
}

// end stores the disconnect event of a connection without a $disconnect, then removes the connection from the table: in this
// order no event is lost.
func (s *Source) end(ctx context.Context, list store, r row) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if _, err := s.intake.Accept(ctx, []source.Event{s.complete(staleDisconnect(r), s.now())}); err != nil {
		return fmt.Errorf("store the disconnect of connection %s: %w", r.connection, err)
	}
	return list.remove(ctx, r.connection)
}

// complete fills in an event that does not come from a request.
func (s *Source) complete(e source.Event, now time.Time) source.Event {
	e.Envelope.Source, e.Envelope.Kind = s.Info().Name, websocket.Name
	e.Envelope.TimeUnixNano, e.Envelope.ReceivedUnixNano = now.UnixNano(), now.UnixNano()
	e.Envelope.Sensitive = s.sensitive
	e.Memory = s.settings.Durability == "memory"
	return e
}
