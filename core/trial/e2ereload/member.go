package e2ereload

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/source/websocket/websocketsend"
	"github.com/pointsman/pointsman/core/trial/testbed"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// confirmEvery is how often a client asks whether its messages are accepted. The source allows it once a second.
const confirmEvery = 1500 * time.Millisecond

// member is a WebSocket client in the room. One goroutine at a time uses it.
type member struct {
	conn      *websocketsend.Conn
	sent      []string // ids of messages that are not confirmed
	confirmed time.Time
}

// connect lets n clients join the room.
func (l *load) connect(ctx context.Context, n int) error {
	ctx, l.end = context.WithCancel(ctx)
	for range n {
		c, err := websocketsend.Dial(ctx, strings.Replace(l.server, "http", "ws", 1)+"/ws?room=lobby", schema.Secret{}, sendTimeout)
		if err != nil {
			return fmt.Errorf("join the room: %w", err)
		}
		l.members = append(l.members, &member{conn: c, confirmed: time.Now()})
	}
	return nil
}

// say sends one message to the room.
func (m *member) say(l *load) {
	id := fmt.Sprintf("message-%d", l.said.Add(1))
	message := websocketsend.Message{Room: "lobby", Data: fmt.Appendf(nil, "%q", id)}
	body, err := message.Body()
	if err == nil {
		err = m.conn.Write(body, false)
	}
	if err != nil {
		l.note(func(c *counts) { c.refused++ }, fmt.Errorf("message: %w", err))
		return
	}
	m.sent = append(m.sent, id)
	if time.Since(m.confirmed) > confirmEvery {
		m.confirm(l)
	}
}

// confirm waits until the messages so far are accepted.
func (m *member) confirm(l *load) {
	sent := m.sent
	m.sent, m.confirmed = nil, time.Now()
	if len(sent) == 0 {
		return
	}
	if err := m.conn.Confirm(sendTimeout, func([]byte) (bool, error) { return false, nil }); err != nil {
		l.note(func(c *counts) { c.refused += len(sent) }, fmt.Errorf("messages: %w", err))
		return
	}
	for _, id := range sent {
		l.know(id, websocketSource, func(c *counts) { c.messages++ })
	}
}

// disconnect counts how many of the clients the router has disconnected, and ends the others. The load must be stopped.
func (l *load) disconnect(ctx context.Context, router *testbed.Router) (closed int, err error) {
	metrics, err := router.Metrics(ctx)
	closed = len(l.members) - int(metrics.Sum("pointsman_ws_connections", "source", websocketSource))
	for _, m := range l.members {
		m.conn.Close()
	}
	l.end()
	return closed, err
}
