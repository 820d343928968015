// Package amazontest is Amazon SNS and SES for tests: servers in the process that check requests and their signatures as Amazon
// documents it, and fail on demand.
package amazontest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// What the servers know.
const (
	Region       = "ap-northeast-1"
	AccessKey    = "AKIACANARYCANARY0001"
	SecretKey    = "canary-amazon-secret-key"
	SessionToken = "canary-amazon-session-token" // taken, not demanded
	Topic        = "arn:aws:sns:ap-northeast-1:123456789012:reporting-topic"
	FIFOTopic    = "arn:aws:sns:ap-northeast-1:123456789012:reporting-topic.fifo"
	// MessageID is part of the ids that are given: a number follows.
	MessageID = "94f20ce6-13c5-43a0-9a9e-ca52d816e9"
)

// Fault is an answer in place of the right one.
type Fault struct {
	Status        int
	Code, Message string
	// Raw, unless empty, is the whole body.
	Raw string
	// Cut takes the message and closes the connection without an answer.
	Cut bool
}

// Server is one of both services on 127.0.0.1.
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

// service is what SNS and SES do differently. refuse and accept write answers; check returns what is wrong with a request, nil
// for nothing.
type service struct {
	name                string
	badKey, badSecret   string
	check               func(*http.Request, []byte) *Fault
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

// Fail puts faults in the way of the next requests, one each.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Taken returns the requests whose message was taken.
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
	switch {
	case f.Raw != "":
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, f.Raw)
	case f.Status != 0:
		s.service.refuse(w, f)
	default:
		s.taken = append(s.taken, Request{r.Header.Clone(), body})
		if f.Cut {
			panic(http.ErrAbortHandler)
		}
		s.service.accept(w, MessageID+string('a'+rune(len(s.taken)%16)))
	}
}

func (s *Server) wrong(r *http.Request, body []byte) *Fault {
	if r.Method != s.service.method || r.URL.Path != s.service.path || r.Header.Get("Content-Type") != s.service.types {
		return &Fault{Status: http.StatusNotFound, Code: "UnknownOperationException", Message: "no such operation"}
	}
	return cmp.Or(s.unsigned(r, body), s.service.check(r, body))
}

var authorization = regexp.MustCompile(
	`^AWS4-HMAC-SHA256 Credential=([^/]+)/[0-9]{8}/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$`)

// unsigned signs the request again, as Amazon does, and compares (Signature Version 4).
func (s *Server) unsigned(r *http.Request, body []byte) *Fault {
	parts := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if parts == nil || err != nil || parts[2] != Region || parts[3] != s.service.name {
		return &Fault{Status: http.StatusForbidden, Code: "IncompleteSignature", Message: "Credential should be scoped to a valid region and service."}
	}
	if parts[1] != AccessKey {
		return &Fault{Status: http.StatusForbidden, Code: s.service.badKey, Message: "The security token included in the request is invalid."}
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return &Fault{Status: http.StatusBadRequest, Code: "InvalidAction", Message: err.Error()}
	}
	for name := range strings.SplitSeq(parts[4], ";") {
		if name != "host" && name != "content-length" {
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	hash := sha256.Sum256(body)
	keys := aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: SecretKey, SessionToken: r.Header.Get("X-Amz-Security-Token")}
	err = v4.NewSigner().SignHTTP(r.Context(), keys, again, hex.EncodeToString(hash[:]), s.service.name, Region, at)
	if err != nil || subtle.ConstantTimeCompare([]byte(again.Header.Get("Authorization")), []byte(r.Header.Get("Authorization"))) == 0 {
		return &Fault{
			Status: http.StatusForbidden, Code: s.service.badSecret,
			Message: "The request signature we calculated does not match the signature you provided.",
		}
	}
	return nil
}
