package amazontest

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the Gateway knows.
const (
	Table = "chat-connections-dev"
	Index = "room-index"
	// Stage is the path of the API.
	Stage = "/dev"
	// MaxFrame is the most bytes of one message.
	MaxFrame = 128 << 10
)

// Gateway is API Gateway and DynamoDB on 127.0.0.1.
type Gateway struct {
	// Endpoint is that of the stage, DynamoDB that of the table.
	Endpoint, DynamoDB string
	// PageSize is the number of rows in a response of DynamoDB.
	PageSize int

	mu           sync.Mutex
	rows         map[string]string    // connection -> room
	connected    map[string]time.Time // of those that have the attribute
	frames       map[string][]string  // received by each open connection
	faults       map[string][]Fault   // by connection; "" is DynamoDB
	posts        int
	disconnected []string
}

// Responses that Amazon documents.
var (
	Limit     = Fault{Status: http.StatusTooManyRequests, Code: "LimitExceededException"}
	Forbidden = Fault{Status: http.StatusForbidden, Code: "ForbiddenException", Message: "Forbidden"}
	Broken    = Fault{Status: http.StatusInternalServerError, Code: "InternalServerError", Message: "Internal server error"}
	gone      = Fault{Status: http.StatusGone, Code: "GoneException"}
	tooLarge  = Fault{Status: http.StatusRequestEntityTooLarge, Code: "PayloadTooLargeException", Message: "Message too long"}
	unknown   = Fault{Status: http.StatusNotFound, Code: "UnknownOperationException", Message: "no such operation"}
)

// NewGateway starts a server that ends with the test.
func NewGateway(t testing.TB) *Gateway {
	t.Helper()
	s := &Gateway{PageSize: 2, rows: map[string]string{}, connected: map[string]time.Time{}, frames: map[string][]string{}, faults: map[string][]Fault{}}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.Endpoint, s.DynamoDB = h.URL+Stage, h.URL
	return s
}

// Join connects clients and lists them in the table.
func (s *Gateway) Join(room string, connections ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range connections {
		s.rows[c], s.frames[c] = room, []string{}
	}
}

// ConnectedAt sets the attribute connected_at of a listed connection. Without it the row has none.
func (s *Gateway) ConnectedAt(connection string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected[connection] = at
}

// Vanish ends a connection but leaves it in the table.
func (s *Gateway) Vanish(connection string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.frames, connection)
}

// Fail answers the next calls about a connection, or to DynamoDB for "", with faults, one each.
func (s *Gateway) Fail(connection string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[connection] = append(s.faults[connection], faults...)
}

// Frames returns the messages that a connection received.
func (s *Gateway) Frames(connection string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.frames[connection])
}

// Listed returns the connections in the table.
func (s *Gateway) Listed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.rows))
}

// Posts returns the number of calls that posted to connections.
func (s *Gateway) Posts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.posts
}

// Disconnected returns the connections that a call has ended.
func (s *Gateway) Disconnected() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.disconnected)
}

func (s *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
	}
	if r.URL.Path == "/" {
		s.dynamoDB(w, r, body)
		return
	}
	escaped, ok := strings.CutPrefix(r.URL.EscapedPath(), Stage+"/")
	call, err := url.PathUnescape(escaped)
	connection, isConnection := strings.CutPrefix(call, "@connections/")
	switch {
	case !ok || err != nil || !isConnection:
		refuseJSON(w, unknown)
	case verify(r, body, "execute-api", "", "") != nil:
		refuseJSON(w, Forbidden)
	default:
		s.connection(w, r.Method, connection, body)
	}
}

func (s *Gateway) connection(w http.ResponseWriter, method, id string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if method == http.MethodPost {
		s.posts++
	}
	f := s.fault(id)
	_, open := s.frames[id]
	switch {
	case f.Status != 0:
	case method != http.MethodPost && method != http.MethodDelete:
		f = unknown
	case !open:
		f = gone
	case len(body) > MaxFrame:
		f = tooLarge
	case method == http.MethodDelete:
		delete(s.frames, id)
		s.disconnected = append(s.disconnected, id)
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		s.frames[id] = append(s.frames[id], string(body))
		if f.Cut {
			panic(http.ErrAbortHandler)
		}
		return
	}
	f.write(w, refuseJSON)
}

// fault removes and returns the next fault. The caller holds mu.
func (s *Gateway) fault(id string) (f Fault) {
	if waiting := s.faults[id]; len(waiting) > 0 {
		f, s.faults[id] = waiting[0], waiting[1:]
	}
	return f
}
