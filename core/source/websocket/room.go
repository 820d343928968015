package websocket

import (
	"errors"
	"slices"
	"sync"

	"github.com/gobwas/ws"

	"github.com/pointsman/pointsman/core/source"
)

// Errors of hub.add and hub.join.
var (
	errStopping  = errors.New("the router is stopping")
	errFull      = errors.New("there are too many connections")
	errFullIP    = errors.New("there are too many connections of this address")
	errFullRoom  = errors.New("the room is full")
	errManyRooms = errors.New("the connection is in too many rooms")
)

const maxRoomName = 128

// ValidRoom reports whether a name is one of [A-Za-z0-9:._-]{1,128}.
func ValidRoom(name string) bool {
	if name == "" || len(name) > maxRoomName {
		return false
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == ':', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// hub holds all connections and their rooms. Changes take effect immediately: a connection that has joined gets the next message,
// one that has left does not.
type hub struct {
	limits  *Limits
	metrics *sourceMetrics

	// running counts connections and their goroutines.
	running sync.WaitGroup

	// mu guards the fields below and conn.rooms.
	mu    sync.RWMutex
	ended bool // no connection is added any more
	conns map[string]*conn
	rooms map[string]map[*conn]struct{}
	perIP map[string]int
}

func newHub(l *Limits, m *sourceMetrics) *hub {
	return &hub{limits: l, metrics: m, conns: map[string]*conn{}, rooms: map[string]map[*conn]struct{}{}, perIP: map[string]int{}}
}

// add adds a connection and lets it join its first room.
func (h *hub) add(c *conn, room string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.ended:
		return errStopping
	case len(h.conns) >= h.limits.Connections:
		return errFull
	case h.perIP[c.network] >= h.limits.PerIP:
		return errFullIP
	}
	if err := h.joinLocked(c, room); err != nil {
		return err
	}
	h.running.Add(1)
	h.conns[c.id] = c
	h.perIP[c.network]++
	h.metrics.connections.Inc()
	return nil
}

// remove removes a connection from all its rooms.
func (h *hub) remove(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.conns[c.id]; !known {
		return
	}
	delete(h.conns, c.id)
	if h.perIP[c.network]--; h.perIP[c.network] == 0 {
		delete(h.perIP, c.network)
	}
	for _, room := range c.rooms {
		h.forget(c, room)
	}
	c.rooms = nil
	h.metrics.connections.Dec()
}

func (h *hub) forget(c *conn, room string) {
	delete(h.rooms[room], c)
	if len(h.rooms[room]) == 0 {
		delete(h.rooms, room)
	}
	h.metrics.rooms.Set(float64(len(h.rooms)))
}

// join adds a connection to one more room. It is no error if the connection is already in it.
func (h *hub) join(c *conn, room string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.joinLocked(c, room)
}

// joinLocked adds a connection to a room within the limits. The caller holds mu.
func (h *hub) joinLocked(c *conn, room string) error {
	members := h.rooms[room]
	switch _, in := members[c]; {
	case in:
		return nil
	case len(members) >= h.limits.PerRoom:
		return errFullRoom
	case len(c.rooms) >= h.limits.RoomsPerClient:
		return errManyRooms
	}
	if members == nil {
		members = map[*conn]struct{}{}
		h.rooms[room] = members
		h.metrics.rooms.Set(float64(len(h.rooms)))
	}
	members[c] = struct{}{}
	c.rooms = append(c.rooms, room)
	return nil
}

// leave removes a connection from a room, if it is in it.
func (h *hub) leave(c *conn, room string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(c.rooms, room); i >= 0 {
		c.rooms = slices.Delete(c.rooms, i, i+1)
		h.forget(c, room)
	}
}

// home returns the room that a connection joined first, "" if it is in none.
func (h *hub) home(c *conn) string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if len(c.rooms) == 0 {
		return ""
	}
	return c.rooms[0]
}

func (h *hub) isMember(c *conn, room string) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	_, in := h.rooms[room][c]
	return in
}

// members returns at most limit members of a room, and their total number.
func (h *hub) members(room string, limit int) (some []*conn, count int) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	some = make([]*conn, 0, min(limit, len(h.rooms[room])))
	for c := range h.rooms[room] {
		if len(some) == limit {
			break
		}
		some = append(some, c)
	}
	return some, len(h.rooms[room])
}

// list returns the rooms in no order.
func (h *hub) list() []source.RoomInfo {
	h.mu.RLock()
	defer h.mu.RUnlock()
	rooms := make([]source.RoomInfo, 0, len(h.rooms))
	for name, members := range h.rooms {
		rooms = append(rooms, source.RoomInfo{Name: name, Members: len(members)})
	}
	return rooms
}

func (h *hub) find(id string) *conn {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.conns[id]
}

// end refuses further connections and returns the existing ones.
func (h *hub) end() []*conn {
	h.mu.Lock()
	h.ended = true
	h.mu.Unlock()
	return h.all()
}

// all returns the current connections.
func (h *hub) all() []*conn {
	h.mu.RLock()
	defer h.mu.RUnlock()
	list := make([]*conn, 0, len(h.conns))
	for _, c := range h.conns {
		list = append(list, c)
	}
	return list
}

// Broadcast implements source.Rooms. It never blocks: a connection whose queue is full is closed with 4408.
func (s *Source) Broadcast(room string, data []byte, binary bool, except string) (sent int) {
	s.metrics.broadcasts.Inc()
	if len(data) > s.limits.Message {
		s.log.Warn("message to a room is too large and was not sent", "room", room, "bytes", len(data), "limit", s.limits.Message)
		return 0
	}
	frame := messageFrame(data, binary)
	h := s.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	for c := range h.rooms[room] {
		if c.id == except {
			continue
		}
		switch err := c.send(frame); {
		case err == nil:
			sent++
		case errors.Is(err, source.ErrBusy):
			c.close(codeSlowReader, "messages are not read")
		}
	}
	s.metrics.deliveries.Add(float64(sent))
	return sent
}

// Send implements source.Rooms.
func (s *Source) Send(connectionID string, data []byte, binary bool) error {
	if len(data) > s.limits.Message {
		return source.ErrTooLarge
	}
	c := s.hub.find(connectionID)
	if c == nil {
		return source.ErrGone
	}
	return c.send(messageFrame(data, binary))
}

func messageFrame(data []byte, binary bool) []byte {
	op := ws.OpText
	if binary {
		op = ws.OpBinary
	}
	return ws.MustCompileFrame(ws.NewFrame(op, true, data))
}
