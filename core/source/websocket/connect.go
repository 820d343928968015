package websocket

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/net/http/httpguts"
	"golang.org/x/time/rate"
)

const (
	maxURL          = 4096
	upgradeTimeout  = 5 * time.Second
	maxUserAgent    = 256
	readBuffer      = 512 // most chat messages fit into one read
	bearerProtocol  = "bearer."
	tokenParameter  = "token"
	roomParameter   = "room"
	protocolsHeader = "Sec-Websocket-Protocol"
)

// ServeHTTP accepts a connection, or serves the page or the management API.
func (s *Source) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != s.path:
		s.manage(w, r)
	case s.page != nil && !wantsUpgrade(r) && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		s.page.serve(w, r)
	default:
		s.connect(w, r)
	}
}

func wantsUpgrade(r *http.Request) bool {
	return httpguts.HeaderValuesContainsToken(r.Header["Connection"], "upgrade") &&
		httpguts.HeaderValuesContainsToken(r.Header["Upgrade"], "websocket")
}

// connRequest is a checked request for a connection.
type connRequest struct {
	room, subprotocol string
	identity          *identity
	// err is why its token is invalid.
	err error
}

// connect lets a client in or refuses it. It counts and logs refusals.
func (s *Source) connect(w http.ResponseWriter, r *http.Request) {
	now := s.now()
	a, refused := s.check(r)
	if refused == nil {
		refused = s.register(w, r, a, now)
	}
	if refused == nil {
		return
	}
	id, length := refused.write(w)
	s.metrics.refused(refused.code)
	s.access.request(r, id, length, now, refused)
	// One line a second is enough for diagnosis, and refused clients cannot fill the disk.
	if s.refusalLog.AllowN(now, 1) {
		s.log.Info("client refused", "reason", refused.code, "remote", r.RemoteAddr, "request_id", id, "err", a.err)
	}
}

// check validates a request. Cheap checks come first; nothing is allocated for a connection yet.
func (s *Source) check(r *http.Request) (a connRequest, refused *refusal) {
	switch {
	case len(r.RequestURI) > maxURL:
		return a, refusedURL
	case r.Method != http.MethodGet:
		return a, refusedMethod
	case !wantsUpgrade(r):
		return a, refusedPlain
	case r.Header.Get("Sec-Websocket-Version") != "13":
		return a, refusedVersion
	case !r.ProtoAtLeast(1, 1) || len(r.Header.Get("Sec-Websocket-Key")) != 24:
		return a, refusedHandshake
	case !s.allowsOrigin(r):
		return a, refusedOrigin
	case !s.connects.AllowN(s.now(), 1):
		return a, refusedRate
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return a, refusedQuery
	}
	offered := subprotocols(r)
	if a.identity, a.err = s.authenticator.authenticate(shownTokens(r, query, offered)); a.err != nil {
		return a, refusedToken
	}
	rooms := query[roomParameter]
	switch {
	case len(rooms) != 1 || !ValidRoom(rooms[0]):
		return a, refusedRoomName
	case !a.identity.mayUse(rooms[0]):
		return a, refusedRoom
	}
	a.room = strings.Clone(rooms[0]) // or the whole URL stays in memory
	ok := false
	if a.subprotocol, ok = s.choose(offered); !ok {
		return a, refusedSubprotocol
	}
	return a, nil
}

// register opens a connection. The connection joins its room before its event is stored, so that the reply of a rule is queued
// until the upgrade.
func (s *Source) register(w http.ResponseWriter, r *http.Request, a connRequest, now time.Time) *refusal {
	c := s.newConn(r, a.identity, now)
	switch err := s.hub.add(c, a.room); {
	case errors.Is(err, errStopping):
		return refusedStopping
	case errors.Is(err, errFull):
		return refusedFull
	case err != nil:
		return refusedFullForYou
	}
	if err := c.accept(c.connectEvent(a.room, now)); err != nil {
		s.log.Error("connection was not stored", "connection", c.id, "err", err)
		s.forget(c)
		return refusedNotStored
	}
	upgrader := ws.HTTPUpgrader{Timeout: upgradeTimeout}
	if a.subprotocol != "" {
		upgrader.Protocol = func(p string) bool { return p == a.subprotocol }
	}
	upgraded, buffers, _, err := upgrader.Upgrade(r, w)
	if err != nil { // Upgrade has written the response
		s.log.Debug("upgrade failed", "connection", c.id, "err", err)
		c.mu.Lock()
		c.end(codeAbnormal)
		c.mu.Unlock()
		if upgraded != nil {
			_ = upgraded.Close()
		}
		s.leave(c)
		return nil
	}
	s.access.connection(c, now, RouteConnect)
	c.start(upgraded, bufferedReader(upgraded, buffers.Reader))
	go c.serve()
	return nil
}

// bufferedReader returns a small reader that starts with the bytes in the server's large one, which it replaces.
func bufferedReader(from net.Conn, before *bufio.Reader) *bufio.Reader {
	n := before.Buffered()
	if n == 0 {
		return bufio.NewReaderSize(from, readBuffer)
	}
	early, _ := before.Peek(n)
	return bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(early)), from), readBuffer)
}

func (s *Source) newConn(r *http.Request, v *identity, now time.Time) *conn {
	ip, network := address(r.RemoteAddr)
	agent := strings.ToValidUTF8(r.UserAgent(), "")
	c := &conn{
		source: s, id: newID(), ip: ip, network: network, userAgent: strings.Clone(agent[:min(len(agent), maxUserAgent)]),
		requestID: newID(), since: now,
		rate:     rate.NewLimiter(rate.Limit(s.limits.RatePerConnection), s.limits.BurstOfConnection),
		controls: rate.NewLimiter(controlRate, controlBurst),
	}
	c.identity.Store(v)
	c.active.Store(now.UnixNano())
	c.received.Store(now.UnixNano())
	c.pinged.Store(now.UnixNano())
	return c
}

// address returns the client's IP address, and the network that limits count: the owner of one IPv6 address has 2^64.
func address(remote string) (ip, network string) {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return host, host
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String(), a.String()
	}
	prefix, err := a.Prefix(64)
	if err != nil {
		return a.String(), a.String()
	}
	return a.String(), prefix.String()
}

// subprotocols returns the subprotocols that the client offers, in its order.
func subprotocols(r *http.Request) []string {
	var list []string
	for _, header := range r.Header[protocolsHeader] {
		for p := range strings.SplitSeq(header, ",") {
			if p = strings.TrimSpace(p); p != "" {
				list = append(list, p)
			}
		}
	}
	return list
}

// shownTokens returns the tokens of all the places where a client may send one.
func shownTokens(r *http.Request, query url.Values, offered []string) []string {
	shown := slices.Clone(query[tokenParameter])
	for _, v := range r.Header["Authorization"] {
		if scheme, token, ok := strings.Cut(v, " "); ok && strings.EqualFold(scheme, "Bearer") {
			shown = append(shown, strings.TrimSpace(token))
		}
	}
	for _, p := range offered {
		if token, ok := strings.CutPrefix(p, bearerProtocol); ok {
			shown = append(shown, token)
		}
	}
	return shown
}

// choose returns the first offered subprotocol that the source supports, "" if the client offers none.
func (s *Source) choose(offered []string) (chosen string, ok bool) {
	for _, p := range offered {
		if slices.Contains(s.settings.Subprotocols, p) {
			return p, true
		}
	}
	return "", len(offered) == 0
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !httpguts.IsTokenRune(r) })
}

// leave removes an ended connection from the hub and stores its disconnect event.
func (s *Source) leave(c *conn) {
	now, room := s.now(), s.hub.home(c)
	c.mu.Lock()
	c.drop()
	c.mu.Unlock()
	s.metrics.disconnect(c.closeCode())
	s.access.connection(c, now, RouteDisconnect)
	s.hub.remove(c)
	if err := c.accept(c.disconnectEvent(room, now)); err != nil {
		s.log.Error("disconnect was not stored", "connection", c.id, "err", err)
	}
	s.hub.running.Done()
}

// forget undoes hub.add for a connection whose connect event was not stored.
func (s *Source) forget(c *conn) {
	c.mu.Lock()
	c.end(codeAbnormal)
	c.drop()
	c.mu.Unlock()
	s.hub.remove(c)
	s.hub.running.Done()
}
