package slacktest

import (
	"net/http"
	"net/http/httptest"
)

// Start serves on the loopback until Close: for programs, which have no test that could end the server.
func Start(o Options) *Server {
	s := newServer(o)
	s.http = httptest.NewServer(s)
	s.transport = &http.Transport{}
	return s
}

// Close ends the server.
func (s *Server) Close() { s.close() }
