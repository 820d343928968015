// Package intdashtest is an intdash server for tests: the data and token endpoints of its REST API, with the faults that a
// real one can show. No real server can be had for tests.
package intdashtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Credentials that the server takes.
const (
	Token        = "canary-token.c2lnbmF0dXJl"
	ClientID     = "pointsman"
	ClientSecret = "canary-client-secret"
)

// Server answers GET /api/v1/data, GET /api/v1/projects/<uuid>/data and POST /api/auth/oauth2/token.
type Server struct {
	*httptest.Server

	// TokenLife is the expires_in of access tokens. Set before the first request.
	TokenLife time.Duration
	// IgnoreFilter makes the server send everything, as servers before 2.7 do. Set before the first request.
	IgnoreFilter bool

	mu           sync.Mutex
	measurements map[string]Measurement
	faults       []Fault
	requests     []Request
	issued       int
	valid        map[string]time.Time
}

// Measurement is what the server has of one measurement.
type Measurement struct {
	// Project it belongs to; empty: all of them.
	Project string
	// Points are served one a line.
	Points []Point
	// CutAfter, when above 0, drops the connection in the middle of a chunk after so many lines.
	CutAfter int
	// Drip is waited before each line, which is then flushed. The wait ends with the request.
	Drip time.Duration
	// Generate, when set, writes the body instead of Points.
	Generate func(w http.ResponseWriter)
}

// Fault is an answer to one request for data, in place of the data.
type Fault struct {
	Status int
	Header http.Header
	Body   string
}

// Request is one request for data, as the server saw it.
type Request struct {
	Path, RawQuery string
	Query          url.Values
	Header         http.Header
}

// New starts a server on 127.0.0.1. The test's cleanup stops it.
func New(t testing.TB) *Server {
	s := &Server{TokenLife: time.Hour, measurements: map[string]Measurement{}, valid: map[string]time.Time{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/auth/oauth2/token", s.token)
	mux.HandleFunc("GET /api/v1/data", s.data)
	mux.HandleFunc("GET /api/v1/projects/{project}/data", s.data)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		s.CloseClientConnections() // a client may still wait for a dripping body
		s.Close()
	})
	return s
}

// Add gives the server a measurement.
func (s *Server) Add(uuid string, m Measurement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.measurements[uuid] = m
}

// Fail answers the next requests for data with these faults, one each.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// RevokeTokens makes all access tokens issued so far invalid.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.valid)
}

// Requests returns the requests for data so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// TokensIssued returns how many access tokens were handed out.
func (s *Server) TokensIssued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issued
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("grant_type") != "client_credentials" {
		problem(w, http.StatusBadRequest, "unsupported_grant_type", "grant_type is not supported")
		return
	}
	if r.FormValue("client_id") != ClientID || r.FormValue("client_secret") != ClientSecret {
		problem(w, http.StatusUnauthorized, "invalid_client", "client authentication failed for "+r.FormValue("client_secret"))
		return
	}
	s.mu.Lock()
	s.issued++
	token := "canary-access-" + strconv.Itoa(s.issued)
	s.valid[token] = time.Now().Add(s.TokenLife)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":%d}`, token, int(s.TokenLife.Seconds()))
}

func (s *Server) authorised(r *http.Request) bool {
	if r.Header.Get("X-Intdash-Token") == Token {
		return true
	}
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	return ok && time.Now().Before(s.valid[bearer])
}

// next records the request and takes the fault that is due.
func (s *Server) next(r *http.Request) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{r.URL.Path, r.URL.RawQuery, r.URL.Query(), r.Header.Clone()})
	if len(s.faults) == 0 {
		return Fault{}, false
	}
	f := s.faults[0]
	s.faults = s.faults[1:]
	return f, true
}

func (s *Server) data(w http.ResponseWriter, r *http.Request) {
	if f, ok := s.next(r); ok {
		maps.Copy(w.Header(), f.Header)
		w.WriteHeader(f.Status)
		_, _ = fmt.Fprint(w, f.Body)
		return
	}
	q := r.URL.Query()
	s.mu.Lock()
	m, found := s.measurements[q.Get("name")]
	s.mu.Unlock()
	switch {
	case !s.authorised(r):
		problem(w, http.StatusUnauthorized, "about:blank", "Unauthorized "+r.Header.Get("X-Intdash-Token")+r.Header.Get("Authorization"))
	case q.Get("name") == "":
		problem(w, http.StatusBadRequest, "invalid_request", "name is required")
	case !found || m.Project != "" && r.PathValue("project") != m.Project:
		problem(w, http.StatusNotFound, "about:blank", "Not Found")
	default:
		s.stream(w, r, m)
	}
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request, m Measurement) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if m.Generate != nil {
		m.Generate(w)
		return
	}
	flusher := http.NewResponseController(w)
	_ = flusher.Flush() // headers first: the body is chunked
	for i, p := range m.Points {
		if !s.IgnoreFilter && !p.passes(r.URL.Query()["data_id_filter"]) {
			continue
		}
		select {
		case <-time.After(m.Drip):
		case <-r.Context().Done():
			return
		}
		line := p.line(r.URL.Query().Get("time_format"))
		if m.CutAfter > 0 && i == m.CutAfter {
			cut(w, line)
			return
		}
		_, _ = fmt.Fprintln(w, line)
		if m.Drip > 0 {
			_ = flusher.Flush()
		}
	}
}

// cut announces a chunk with a whole line, sends half of it and closes the connection.
func cut(w http.ResponseWriter, line string) {
	flusher := http.NewResponseController(w)
	_ = flusher.Flush()
	conn, buf, err := flusher.Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = fmt.Fprintf(buf, "%x\r\n%s", len(line)+1, line[:len(line)/2])
	_ = buf.Flush()
	_ = conn.Close()
}

// problem is an error body as intdash's services write it.
func problem(w http.ResponseWriter, status int, typ, title string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": typ, "title": title, "properties": map[string]any{}})
}
