package websocket

import (
	"time"

	"github.com/gobwas/ws"
)

const (
	// pongTime is how long a client may take to answer a ping.
	pongTime = 10 * time.Second
	// expiryNotice is how long before the expiry of its token a client is warned.
	expiryNotice = time.Minute
)

// sweep closes expired, idle and dead connections and sends the pings that are due.
func (s *Source) sweep(now time.Time) {
	for _, c := range s.hub.all() {
		c.sweep(now)
	}
}

// sweep closes the connection if its token has expired or it is too old, idle or dead. Otherwise it sends the pings and the notice
// of expiry that are due.
func (c *conn) sweep(now time.Time) {
	l, expires := c.source.limits, c.identity.Load().expires
	received, pinged := time.Unix(0, c.received.Load()), time.Unix(0, c.pinged.Load())
	switch {
	case !expires.IsZero() && !now.Before(expires):
		c.close(codeExpired, "the token has expired")
	case now.Sub(c.since) >= l.Age:
		c.close(codeGoingAway, "the connection is too old: connect again")
	case now.Sub(time.Unix(0, c.active.Load())) >= l.Idle:
		c.close(codeGoingAway, "no messages")
	case pinged.After(received) && now.Sub(pinged) >= pongTime && !c.busy.Load():
		c.abort()
	case pinged.After(received): // one ping at a time, or an interval below pongTime would hide a dead client
	case now.Sub(pinged) >= c.source.settings.PingInterval:
		c.pinged.Store(now.UnixNano())
		c.sendControl(ws.NewPingFrame(nil))
	}
	if !expires.IsZero() && expires.Sub(now) <= expiryNotice && !c.warned.Swap(true) {
		c.sendJSON(map[string]int{"$expires": max(0, int(expires.Sub(now)/time.Second))})
	}
}

// abort closes a connection without a close frame, because its client no longer answers pings.
func (c *conn) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open && c.end(codeAbnormal) {
		_ = c.net.Close()
	}
}
