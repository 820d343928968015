// Package gatewaytest is Amazon API Gateway and DynamoDB for tests: the calls that the plugin makes, answered as Amazon documents
// them, with signatures checked, and failing on demand.
package gatewaytest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// What the server knows.
const (
	Region       = "ap-northeast-1"
	AccessKey    = "AKIACANARYCANARY0001"
	SecretKey    = "canary-amazon-secret-key"
	SessionToken = "canary-amazon-session-token" // taken, not demanded
	Table        = "chat-connections-dev"
	Index        = "room-index"
	// Stage is the path of the API.
	Stage = "/dev"
	// MaxFrame is what one call may carry.
	MaxFrame = 128 << 10
)

// Server is both services on 127.0.0.1.
type Server struct {
	// Endpoint is that of the stage, DynamoDB that of the table.
	Endpoint, DynamoDB string
	// PageSize is how many rows one answer of DynamoDB holds.
	PageSize int

	mu           sync.Mutex
	rows         map[string]string    // connection -> room
	connected    map[string]time.Time // of those that have the attribute
	frames       map[string][]string  // what each open connection got
	faults       map[string][]Fault   // by connection; "" is DynamoDB
	posts        int
	disconnected []string
}

// Fault is an answer in place of the right one.
type Fault struct {
	Status int
	// Code is the type of the error, and Message its text.
	Code, Message string
	// Cut takes the message and closes the connection without an answer.
	Cut bool
}

// Answers that Amazon documents.
var (
	Limit     = Fault{Status: http.StatusTooManyRequests, Code: "LimitExceededException"}
	Forbidden = Fault{Status: http.StatusForbidden, Code: "ForbiddenException", Message: "Forbidden"}
	Broken    = Fault{Status: http.StatusInternalServerError, Code: "InternalServerError", Message: "Internal server error"}
	gone      = Fault{Status: http.StatusGone, Code: "GoneException"}
	tooLarge  = Fault{Status: http.StatusRequestEntityTooLarge, Code: "PayloadTooLargeException", Message: "Message too long"}
	unknown   = Fault{Status: http.StatusNotFound, Code: "UnknownOperationException", Message: "no such operation"}
)

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{PageSize: 2, rows: map[string]string{}, connected: map[string]time.Time{}, frames: map[string][]string{}, faults: map[string][]Fault{}}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.Endpoint, s.DynamoDB = h.URL+Stage, h.URL
	return s
}

// Join connects clients and lists them in the table.
func (s *Server) Join(room string, connections ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range connections {
		s.rows[c], s.frames[c] = room, []string{}
	}
}

// ConnectedAt sets when a listed connection came. Without it the row does not say.
func (s *Server) ConnectedAt(connection string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected[connection] = at
}

// Vanish ends a connection without taking it out of the table.
func (s *Server) Vanish(connection string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.frames, connection)
}

// Fail puts faults in the way of the next calls about a connection, or of DynamoDB for "", one each.
func (s *Server) Fail(connection string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[connection] = append(s.faults[connection], faults...)
}

// Frames returns what a connection got.
func (s *Server) Frames(connection string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.frames[connection])
}

// Listed returns the connections in the table.
func (s *Server) Listed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.rows))
}

// Posts is how many frames were offered to connections.
func (s *Server) Posts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.posts
}

// Disconnected returns the connections that were ended by a call.
func (s *Server) Disconnected() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.disconnected)
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
		refuse(w, unknown)
	case !signed(r, body, "execute-api"):
		refuse(w, Forbidden)
	default:
		s.connection(w, r.Method, connection, body)
	}
}

func (s *Server) connection(w http.ResponseWriter, method, id string, body []byte) {
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
	refuse(w, f)
}

// fault takes the next fault. The caller holds mu.
func (s *Server) fault(id string) (f Fault) {
	if waiting := s.faults[id]; len(waiting) > 0 {
		f, s.faults[id] = waiting[0], waiting[1:]
	}
	return f
}

// refuse answers as a service of the protocol restJson1.
func refuse(w http.ResponseWriter, f Fault) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-ErrorType", f.Code)
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, `{"message":"`+f.Message+`"}`)
}

var authorization = regexp.MustCompile(
	`^AWS4-HMAC-SHA256 Credential=([^/]+)/[0-9]{8}/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=[0-9a-f]{64}$`)

// signed signs the request again, as Amazon does, and compares (Signature Version 4).
func signed(r *http.Request, body []byte, service string) bool {
	parts := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if parts == nil || err != nil || parts[1] != AccessKey || parts[2] != Region || parts[3] != service {
		return false
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return false
	}
	for name := range strings.SplitSeq(parts[4], ";") {
		if name != "host" && name != "content-length" {
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	hash := sha256.Sum256(body)
	keys := aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: SecretKey, SessionToken: r.Header.Get("X-Amz-Security-Token")}
	err = v4.NewSigner().SignHTTP(r.Context(), keys, again, hex.EncodeToString(hash[:]), service, Region, at)
	return err == nil && again.Header.Get("Authorization") == r.Header.Get("Authorization")
}
