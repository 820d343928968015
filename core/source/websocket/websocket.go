// Package websocket receives messages over WebSocket connections (RFC 6455) and sends to them. A connection joins rooms; a
// message of a client becomes an event; what a plugin sends to a room reaches every connection in it.
//
// A client connects to <path>?room=<room>. What it sends is a message for the room that its member "room" names, or else for
// the room joined first, but for these commands, which are answered and make no event:
//
//	{"$join":"room"}      {"$joined":"room"}
//	{"$leave":"room"}     {"$left":"room"}
//	{"$presence":"room"}  {"$presence":"room","count":2,"members":[{"connectionId":"...","user":"..."}, ...]}
//	{"$token":"jwt"}      {"$token":true}       a new token, after {"$expires":60}, of the same user
//
// What is not taken is answered {"message":"Forbidden","connectionId":"...","requestId":"...","code":"forbidden"}; the code is
// forbidden, bad_room, no_room, room_full, too_many_rooms, bad_token, rate_limited or not_stored. What was taken is not answered.
//
// Close codes, besides those of the RFC: 1001 idle, old, or the router stops; 1008 too many errors, pings or fragments; 1009 too
// large; 1013 messages cannot be stored; 4401 the token has expired; 4408 too slow to read; 4429 too fast for too long.
//
// A connection costs one goroutine that reads. One that writes exists only while something waits to be written. A message to
// a room is made into a frame once, and the same bytes are queued for every member; a member that does not read is closed,
// and nobody waits for it.
package websocket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Name is the first label of a source block of this kind.
const Name = "websocket"

// Kind returns this kind of source, which counts into m. gateway makes the sources whose mode is apigateway.
func Kind(m *Metrics, gateway func(*Settings, source.Deps) (source.Source, error)) source.Kind {
	return source.Kind{Name: Name, Schema: schema.MustOf(Settings{}), New: func(raw []byte, d source.Deps) (source.Source, error) {
		settings, err := DecodeSettings(raw)
		switch {
		case err != nil:
			return nil, fmt.Errorf("source %q: %w", d.Name, err)
		case settings.Mode == "apigateway":
			return gateway(settings, d)
		}
		return New(settings, d, m)
	}}
}

// Source is one configured WebSocket source.
type Source struct {
	name          string
	path          string
	settings      *Settings
	limits        *Limits
	intake        source.Intake
	log           *slog.Logger
	now           func() time.Time
	metrics       *sourceMetrics
	events        *source.EventCounter
	access        *accessLog
	authenticator *authenticator
	managers      source.Tokens
	route         route
	page          *page
	warnings      []string

	hub        *hub
	connects   *rate.Limiter
	messages   *rate.Limiter
	refusalLog *rate.Limiter // lines about clients that were refused
}

var (
	_ source.Source = (*Source)(nil)
	_ source.Rooms  = (*Source)(nil)
)

// New makes a source that clients connect to, which counts into m. An error describes a mistake in the settings.
func New(settings *Settings, d source.Deps, m *Metrics) (*Source, error) {
	if d.Name == "" || d.Intake == nil || d.Log == nil || d.Metrics == nil {
		return nil, errors.New("websocket: name, intake, log and metrics are required")
	}
	s, err := newSource(settings, d)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", d.Name, err)
	}
	s.metrics = m.of(s.name)
	s.hub.metrics = s.metrics
	return s, nil
}

func newSource(settings *Settings, d source.Deps) (*Source, error) {
	if err := settings.check(); err != nil {
		return nil, err
	}
	s := &Source{
		name: d.Name, path: settings.Path, settings: settings, limits: settings.Limits,
		events: d.Metrics.Events(d.Name, []string{typeConnect, typeMessage, typeDisconnect}),
		intake: d.Intake, log: d.Log.With("source", d.Name), now: d.Now,
		hub:        newHub(settings.Limits),
		connects:   rate.NewLimiter(rate.Limit(settings.Limits.Connects), settings.Limits.Connects),
		messages:   rate.NewLimiter(rate.Limit(settings.Limits.Rate), settings.Limits.Burst),
		refusalLog: rate.NewLimiter(1, 1),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.path == "" {
		s.path = source.DefaultPath(d.Name)
	}
	if err := source.CheckPath(s.path); err != nil {
		return nil, err
	}
	s.warnings = settings.warnings(s.path)
	var doubts, managementDoubts []string
	var errs [4]error
	s.route, errs[0] = parseRoute(settings.Route, settings.Routes)
	s.authenticator, doubts, errs[1] = newAuthenticator(settings, s.now)
	s.managers, managementDoubts, errs[2] = source.NewTokens("management_tokens", settings.ManagementTokens)
	s.page, errs[3] = newPage(settings.Page)
	s.access = newAccessLog(settings.AccessLog, s.log)
	s.warnings = append(append(s.warnings, doubts...), managementDoubts...)
	return s, errors.Join(errs[:]...)
}

// Info implements source.Source. The management API is in the subtree.
func (s *Source) Info() source.Info {
	return source.Info{
		Name: s.name, Kind: Name, Path: s.path, Subtree: true, LongLived: true, Memory: s.settings.Durability == "memory",
		Insecure: s.settings.insecure(), Warnings: s.warnings, Rooms: s,
	}
}

// Run sends pings and closes what is idle, old or gone, until ctx ends. Then it closes every connection with 1001 and returns
// when all are gone; those that have not said goodbye after some seconds are cut off.
func (s *Source) Run(ctx context.Context) error {
	const tick = time.Second
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			s.sweep(s.now())
		case <-ctx.Done():
			s.stop()
			return s.access.close()
		}
	}
}

// stop lets nobody in any more, closes all connections and waits for their ends. Every step of an end has its time limit.
func (s *Source) stop() {
	for _, c := range s.hub.end() {
		c.close(codeGoingAway, "the router stops")
	}
	s.hub.running.Wait()
}
