// Package websocket receives messages over WebSocket connections (RFC 6455) and sends to them. A connection joins rooms; a
// message of a client becomes an event; what a plugin sends to a room reaches every connection in it.
//
// A client connects to <path>?room=<room>. A message goes to the room that its member "room" names, or else to the room that the
// connection joined first. These commands are not messages; they get a response and cause no event:
//
//	{"$join":"room"}      {"$joined":"room"}
//	{"$leave":"room"}     {"$left":"room"}
//	{"$presence":"room"}  {"$presence":"room","count":2,"members":[{"connectionId":"...","user":"..."}, ...]}
//	{"$token":"jwt"}      {"$token":true}       a new token, after {"$expires":60}, of the same user
//
// A rejected message gets {"message":"Forbidden","connectionId":"...","requestId":"...","code":"forbidden"}; the code is forbidden,
// bad_room, no_room, room_full, too_many_rooms, bad_token, rate_limited or not_stored. An accepted message gets no response.
//
// Close codes, besides those of the RFC: 1001 idle, too old, or the router is stopping; 1008 too many errors, pings or fragments;
// 1009 too large; 1013 messages cannot be stored; 4401 token expired; 4408 reads too slowly; 4429 sends too fast.
//
// A connection costs one reading goroutine; a writing one exists only while frames are queued. A message to a room is framed
// once, and the same bytes are queued for every member. A member that does not read is closed, so nobody waits for it.
package websocket

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"github.com/pointsman/pointsman/core/source"
)

// Name is the first label of a source block of this kind.
const Name = "websocket"

// Doc describes the kind in one sentence.
const Doc = "Messages of WebSocket clients in rooms. Rules can answer into the rooms, and it can serve a page."

// Kind returns this kind of source. gateway makes the sources whose mode is apigateway.
func Kind(m *Metrics, gateway func(*Settings, source.Deps) (source.Source, error)) source.Kind {
	k := source.NewKind(Name, Doc, func(s *Settings, d source.Deps) (source.Source, error) {
		if s.Limits == nil {
			s.Limits = DefaultSettings().Limits
		}
		if s.Mode == "apigateway" {
			return gateway(s, d)
		}
		return newSource(s, d, m)
	})
	k.Decoder = source.NewDecoder(Name, decoder)
	return k
}

// Source is one configured WebSocket source.
type Source struct {
	name          string
	sensitive     bool
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
	refusalLog *rate.Limiter // limits log lines about refused clients
}

var (
	_ source.Source = (*Source)(nil)
	_ source.Rooms  = (*Source)(nil)
)

// newSource makes a source that clients connect to.
func newSource(settings *Settings, d source.Deps, m *Metrics) (*Source, error) {
	if err := settings.check(); err != nil {
		return nil, err
	}
	metrics := m.of(d.Name)
	s := &Source{
		name: d.Name, sensitive: d.Sensitive, path: settings.Path, settings: settings, limits: settings.Limits,
		events: d.Metrics.Events(d.Name, []string{TypeConnect, TypeMessage, TypeDisconnect}),
		intake: d.Intake, log: d.Log.With("source", d.Name), now: d.Now,
		metrics: metrics, hub: newHub(settings.Limits, metrics),
		connects:   rate.NewLimiter(rate.Limit(settings.Limits.Connects), settings.Limits.Connects),
		messages:   rate.NewLimiter(rate.Limit(settings.Limits.Rate), settings.Limits.Burst),
		refusalLog: rate.NewLimiter(1, 1),
	}
	if s.path == "" {
		s.path = source.DefaultPath(d.Name)
	}
	if err := source.CheckPath(s.path); err != nil {
		return nil, err
	}
	s.warnings = settings.warnings(s.path)
	var tokenWarnings, managerWarnings []string
	var errs [4]error
	s.route, errs[0] = parseRoute(settings.Route, settings.Routes)
	s.authenticator, tokenWarnings, errs[1] = newAuthenticator(settings, s.now)
	s.managers, managerWarnings, errs[2] = source.NewTokens("management_tokens", settings.ManagementTokens)
	s.page, errs[3] = newPage(settings.Page)
	s.access = newAccessLog(settings.AccessLog, s.log)
	s.warnings = append(append(s.warnings, tokenWarnings...), managerWarnings...)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return s, nil
}

// Info implements source.Source. The management API is in the subtree.
func (s *Source) Info() source.Info {
	return source.Info{
		Name: s.name, Kind: Name, Path: s.path, Subtree: true, LongLived: true, MaxBody: int64(s.limits.Message), Memory: s.settings.Durability == "memory",
		Insecure: s.settings.insecure(), Warnings: s.warnings, Rooms: s,
	}
}

// Run sends pings and closes connections that are idle, too old or dead, until ctx ends. Then it closes every connection with 1001
// and returns when all have ended; after closeTimeout it does not wait for close frames any longer.
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

// stop refuses new connections, closes all others and waits until they have ended. Every step of an end has a timeout.
func (s *Source) stop() {
	for _, c := range s.hub.end() {
		c.close(codeGoingAway, "the router is stopping")
	}
	s.hub.running.Wait()
}
