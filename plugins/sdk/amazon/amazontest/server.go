package amazontest

import (
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// What SNS and SES know and return.
const (
	Topic     = "arn:aws:sns:ap-northeast-1:123456789012:reporting-topic"
	FIFOTopic = "arn:aws:sns:ap-northeast-1:123456789012:reporting-topic.fifo"
	// MessageID is part of the ids that are returned: a letter follows.
	MessageID = "94f20ce6-13c5-43a0-9a9e-ca52d816e9"
)

// Server is SNS or SES on 127.0.0.1.
type Server struct {
	// URL is its endpoint.
	URL string

	service service
	mu      sync.Mutex
	faults  []Fault
	taken   []Request
}

// Request is what a client sent.
type Request struct {
	Header http.Header
	Body   []byte
}

// service holds the differences between SNS and SES. refuse and accept write responses; check returns what is wrong with a
// request, or nil.
type service struct {
	name                string
	badKey, badSecret   string
	check               func(body []byte) *Fault
	refuse              func(http.ResponseWriter, Fault)
	accept              func(w http.ResponseWriter, id string)
	method, path, types string
}

func start(t testing.TB, s service) *Server {
	t.Helper()
	server := &Server{service: s}
	h := httptest.NewServer(server)
	t.Cleanup(h.Close)
	server.URL = h.URL
	return server
}

// Fail answers the next requests with faults, one each.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Taken returns the requests that were accepted.
func (s *Server) Taken() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken)
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
	}
	if f := s.wrong(r, body); f != nil {
		s.service.refuse(w, *f)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var f Fault
	if len(s.faults) > 0 {
		f, s.faults = s.faults[0], s.faults[1:]
	}
	if f.Status != 0 {
		f.write(w, s.service.refuse)
		return
	}
	s.taken = append(s.taken, Request{r.Header.Clone(), body})
	if f.Cut {
		panic(http.ErrAbortHandler)
	}
	s.service.accept(w, MessageID+string('a'+rune(len(s.taken)%16)))
}

func (s *Server) wrong(r *http.Request, body []byte) *Fault {
	if r.Method != s.service.method || r.URL.Path != s.service.path || r.Header.Get("Content-Type") != s.service.types {
		return &Fault{Status: http.StatusNotFound, Code: "UnknownOperationException", Message: "no such operation"}
	}
	return cmp.Or(verify(r, body, s.service.name, s.service.badKey, s.service.badSecret), s.service.check(body))
}
