package websocket

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/gobwas/ws"

	"github.com/pointsman/pointsman/core/source"
)

const (
	acceptTimeout = 10 * time.Second
	// maxViolations within violationWindow close a connection, and so do maxFailures failures to store in a row.
	maxViolations   = 3
	violationWindow = time.Minute
	maxFailures     = 3
	// A client that exceeds its rate for maxTooFast is closed. After tooFastReset without excess the time starts again.
	maxTooFast   = 10 * time.Second
	tooFastReset = 2 * time.Second
)

// violations counts the recent errors of a client, and failures to store its messages.
type violations struct {
	times             [maxViolations]time.Time // the newest last
	fastSince, fastAt time.Time
	failures          int
}

// record adds an error of the client. An error closes the connection.
func (m *violations) record(now time.Time) error {
	copy(m.times[:], m.times[1:])
	m.times[maxViolations-1] = now
	if first := m.times[0]; !first.IsZero() && now.Sub(first) < violationWindow {
		return violates(codePolicy, "too many errors")
	}
	return nil
}

// tooFast records a message over the rate limit. notify is set, at most once a second, if the client should get an error frame.
// The error closes the connection.
func (m *violations) tooFast(now time.Time) (notify bool, err error) {
	if m.fastAt.IsZero() || now.Sub(m.fastAt) > tooFastReset {
		m.fastSince = now
	}
	notify = m.fastAt.IsZero() || m.fastAt.Unix() != now.Unix()
	m.fastAt = now
	if now.Sub(m.fastSince) >= maxTooFast {
		return false, violates(codeTooFast, "too many messages")
	}
	return notify, nil
}

// handle executes a command, or publishes any other message. An error closes the connection.
func (c *conn) handle(op ws.OpCode, data []byte) error {
	s, now := c.source, c.source.now()
	if op == ws.OpBinary && !s.settings.Binary {
		return violates(codeUnsupported, "binary messages are not accepted")
	}
	c.active.Store(now.UnixNano())
	if !c.rate.AllowN(now, 1) {
		s.metrics.message(resultTooFast)
		notify, err := c.violations.tooFast(now)
		if notify {
			c.sendError(problemTooFast)
		}
		return err
	}
	if !s.messages.AllowN(now, 1) {
		s.metrics.message(resultTooFast)
		c.sendError(problemTooFast)
		return nil
	}
	m := ParseMessage(data, op == ws.OpBinary)
	if m.command != "" {
		s.metrics.message(resultCommand)
		return c.execute(&m, now)
	}
	return c.publish(&m, now)
}

// publish stores a message as an event, if the client may send it.
func (c *conn) publish(m *Message, now time.Time) error {
	s := c.source
	room, p := c.destination(m)
	if p != nil {
		s.metrics.message(resultRefused)
		c.sendError(p)
		return c.violations.record(now)
	}
	key, ok := s.route.of(m)
	if !ok {
		s.metrics.message(resultRefused)
		s.access.message(c, now, RouteDefault, p403)
		c.sendError(ProblemForbidden)
		return nil
	}
	if err := c.accept(c.messageEvent(m, room, key, now)); err != nil {
		return c.notStored(key, now, err)
	}
	c.violations.failures = 0
	s.metrics.message(resultAccepted)
	s.access.message(c, now, key, p200)
	return nil
}

// destination returns the room of a message: the one it names, or else the one that the connection joined first.
func (c *conn) destination(m *Message) (string, *ClientError) {
	room := m.Room
	if !m.NamesRoom {
		room = c.source.hub.home(c)
		if room == "" {
			return "", ProblemNoRoom
		}
	}
	switch {
	case !ValidRoom(room):
		return "", ProblemBadRoom
	case !c.identity.Load().mayUse(room), c.source.settings.RequireMembership && !c.source.hub.isMember(c, room):
		return "", ProblemForbidden
	}
	return room, nil
}

// accept stores an event and waits for it, so that the events of a connection keep their order. Connections do not wait for each
// other, so the journal can store their events together.
func (c *conn) accept(e source.Event) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), acceptTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil { // or the connection would stay half open
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	stored, err := c.source.intake.Accept(ctx, []source.Event{e})
	if err == nil && len(stored) != 1 {
		err = errors.New("intake returned no result for the event")
	}
	if err == nil {
		c.source.events.Count(e.Envelope.GetType())
	}
	return err
}

// notStored sends an error for a message that was not stored. After maxFailures in a row it closes the connection.
func (c *conn) notStored(key string, now time.Time, err error) error {
	s := c.source
	s.metrics.message(resultNotStored)
	s.log.Error("message was not stored", "connection", c.id, "err", err)
	s.access.message(c, now, key, p503)
	if c.violations.failures++; c.violations.failures >= maxFailures {
		return violates(codeTryLater, "messages cannot be stored")
	}
	c.sendError(problemNotStored)
	return nil
}
