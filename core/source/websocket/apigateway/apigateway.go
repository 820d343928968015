// Package apigateway is the router behind an Amazon API Gateway WebSocket API. Clients connect to the API; its HTTP
// integrations post their connects, messages and disconnects to the router, and what is said to a room is posted to the API's
// @connections. Who is in which room is listed in a DynamoDB table, or in a file.
//
// The events are those of the native mode, in package websocket, so one rule works for both. What differs follows from the API:
// a connection is in one room for its life, and its end may never be told. Whoever finds out that a connection has ended, by
// its $disconnect, by an answer 410 or by the time that no connection outlives, makes the event of its end, which has one id and
// so is stored once; only then the connection is taken off the list.
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
	// sweepEvery is how often the list is searched for connections whose end was not told. It reads a whole table.
	sweepEvery = time.Hour
	// storeTimeout bounds what a request waits for the list. API Gateway waits 29 s for the request.
	storeTimeout = 5 * time.Second
)

// Source is one configured API.
type Source struct {
	*source.Webhook
	settings *websocket.Settings
	intake   source.Intake
	log      *slog.Logger
	now      func() time.Time
	sender   *sender
	// outside opens what is outside of the process, once: `pointsman validate` makes sources, and must touch nothing.
	outside func() (*outside, error)
}

// outside is the list of connections, and the API that they belong to.
type outside struct {
	store store
	api   *gateway.Client
}

var (
	_ source.Source = (*Source)(nil)
	_ source.Rooms  = (*Source)(nil)
)

// Mode returns the constructor of this mode for websocket.Kind. Its sources count into m.
func Mode(m *Metrics) func(*websocket.Settings, source.Deps) (source.Source, error) {
	return func(settings *websocket.Settings, d source.Deps) (source.Source, error) { return New(settings, d, m) }
}

// New makes a source from settings with mode apigateway. An error describes a mistake in them.
func New(settings *websocket.Settings, d source.Deps, metrics *Metrics) (*Source, error) {
	s, err := newSource(settings, d, metrics)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", d.Name, err)
	}
	return s, nil
}

func newSource(settings *websocket.Settings, d source.Deps, metrics *Metrics) (*Source, error) {
	if err := check(settings); err != nil {
		return nil, err
	}
	if d.Log == nil || d.Intake == nil || metrics == nil {
		return nil, errors.New("intake, log and metrics are required")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	secrets, doubts, err := newSecrets(settings.APIGateway.Secrets)
	if err != nil {
		return nil, err
	}
	s := &Source{
		settings: settings, intake: d.Intake, log: d.Log.With("source", d.Name), now: d.Now,
	}
	s.outside = sync.OnceValues(s.open)
	s.sender = newSender(s, metrics.of(d.Name))
	s.Webhook, err = source.NewWebhook(source.WebhookOptions{
		Deps: d, Info: source.Info{
			Kind: websocket.Name, Path: settings.Path, Memory: settings.Durability == "memory",
			Warnings: append(warnings(settings), doubts...), Rooms: s,
		},
		Protocol:          &protocol{Source: s, secrets: secrets},
		Limits:            source.Limits{Body: bodyLimit(settings)},
		Success:           http.StatusOK,
		Secrets:           len(settings.APIGateway.Secrets),
		KnownTypes:        []string{typeConnect, typeMessage, typeDisconnect},
		RefusalReasons:    refusalReasons(),
		QuarantineReasons: []string{badBase64},
	})
	return s, err
}

// open makes the clients and opens the list. It makes no request.
func (s *Source) open() (*outside, error) {
	settings := s.settings.APIGateway
	api, err := gateway.Open(context.Background(), settings.Settings, maxPosts)
	if err != nil {
		return nil, fmt.Errorf("apigateway: %w", err)
	}
	o := &outside{api: api}
	if settings.File != "" {
		o.store, err = openFile(settings.File)
		return o, err
	}
	o.store = newTable(api, settings)
	return o, nil
}

// Run speaks to connections and sweeps the list, until ctx ends. Then it says what is left to be said, as far as a few seconds
// allow. It returns an error at once when the list cannot be used as it is configured.
func (s *Source) Run(ctx context.Context) error {
	out, err := s.outside()
	if err != nil {
		return fmt.Errorf("source %q: %w", s.Info().Name, err)
	}
	defer func() { _ = out.api.Close() }() // closes idle connections only
	if err := s.checkStore(ctx, out.store); err != nil {
		return errors.Join(err, out.store.close())
	}
	s.sender.start(out)
	ticks := time.NewTicker(sweepEvery)
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

// checkStore tells a list that can never work from one that does not answer just now.
func (s *Source) checkStore(ctx context.Context, list store) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := list.check(ctx)
	if wrong, ok := errors.AsType[*unusable](err); ok {
		return fmt.Errorf("source %q: %w", s.Info().Name, wrong)
	}
	if err != nil {
		s.log.Warn("the list of connections could not be checked: requests are answered 503 until it can be used", "err", err)
	}
	return nil
}

// sweep ends the connections that nobody has heard of for longer than one can last.
func (s *Source) sweep(ctx context.Context, list store) {
	var swept int
	err := list.expired(ctx, s.now(), func(r row) error {
		swept++
		return s.end(ctx, list, r)
	})
	if err != nil && ctx.Err() == nil {
		s.log.Warn("the list of connections was not swept", "err", err)
	}
	if swept > 0 {
		s.log.Info("connections swept whose end was never told", "connections", swept)
	}
}

// end stores the event of an end that was not told, then takes the connection off the list: in this order no end is lost.
func (s *Source) end(ctx context.Context, list store, r row) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if _, err := s.intake.Accept(ctx, []source.Event{s.stamped(lostEvent(r), s.now())}); err != nil {
		return fmt.Errorf("store the end of connection %s: %w", r.connection, err)
	}
	return list.remove(ctx, r.connection)
}

// stamped is an event that no request brought.
func (s *Source) stamped(e source.Event, now time.Time) source.Event {
	e.Envelope.Source, e.Envelope.Kind = s.Info().Name, websocket.Name
	e.Envelope.TimeUnixNano, e.Envelope.ReceivedUnixNano = now.UnixNano(), now.UnixNano()
	e.Memory = s.settings.Durability == "memory"
	return e
}
