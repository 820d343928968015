// Package slacktest is a Slack server for tests: an incoming webhook and chat.postMessage, with the answers, the limits and the
// rate of the real ones as far as they are documented.
package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Credentials of callers.
const (
	webhookPath = "/services/T00000000/B00000000/canary4zZxWebhookSecret"
	Token       = "xoxb-000000000000-canaryBotToken"
)

// Options of a Server. The zero value allows any number of messages to any channel.
type Options struct {
	// Every is the time in which one message to a webhook or a channel is allowed; Burst how many at once, at least 1.
	Every time.Duration
	Burst int
	// Channels that exist; nil: every one does.
	Channels []string
}

// Message is an accepted message.
type Message struct {
	Body []byte // as sent
	At   time.Time
	TS   string
	// Text and Channel are those of Body.
	Text    string
	Channel string
}

// Answer replaces the server's own answer.
type Answer struct {
	Status int
	Body   string
	Header http.Header
	// Silent: read the request and do not answer until the client has gone.
	Silent bool
}

// Server is a running server.
type Server struct {
	options   Options
	http      *httptest.Server
	transport *http.Transport

	mu       sync.Mutex
	accepted []Message
	refused  int // exceeded the rate
	requests int
	answers  []Answer
	buckets  map[string]*bucket
}

// New serves on the loopback until the test ends.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s := newServer(o)
	s.http = httptest.NewServer(s)
	s.transport = &http.Transport{}
	t.Cleanup(s.close)
	return s
}

// NewInMemory serves without the network, so that it works in a bubble of testing/synctest. Only Transport reaches it.
func NewInMemory(t testing.TB, o Options) *Server {
	t.Helper()
	s := newServer(o)
	l := newListener()
	s.http = httptest.NewUnstartedServer(s)
	_ = s.http.Listener.Close()
	s.http.Listener = l
	s.http.Start()
	s.transport = &http.Transport{DialContext: l.dial}
	t.Cleanup(s.close)
	return s
}

func newServer(o Options) *Server { return &Server{options: o, buckets: map[string]*bucket{}} }

func (s *Server) close() {
	s.transport.CloseIdleConnections()
	s.http.CloseClientConnections()
	s.http.Close()
}

// WebhookURL returns the URL of the server's incoming webhook.
func (s *Server) WebhookURL() string { return s.http.URL + webhookPath }

// APIURL returns the base URL of the server's Web API.
func (s *Server) APIURL() string { return s.http.URL + "/api" }

// Transport returns a transport that reaches the server.
func (s *Server) Transport() *http.Transport { return s.transport }

// Accepted returns the messages in order of arrival.
func (s *Server) Accepted() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accepted)
}

// Refused returns how many requests exceeded the rate.
func (s *Server) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// Requests returns the number of requests.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Next sets the answers to the next requests, one each.
func (s *Server) Next(answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, answers...)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return
	}
	s.mu.Lock()
	s.requests++
	if len(s.answers) > 0 {
		a := s.answers[0]
		s.answers = s.answers[1:]
		s.mu.Unlock()
		a.write(w, r)
		return
	}
	defer s.mu.Unlock()
	switch {
	case r.Method != http.MethodPost:
		http.Error(w, "method_not_allowed", http.StatusMethodNotAllowed)
	case r.URL.Path == webhookPath:
		s.webhook(w, r, body)
	case r.URL.Path == "/api/chat.postMessage":
		s.chat(w, r, body)
	default:
		plain(w, http.StatusNotFound, "no_service")
	}
}

func (a Answer) write(w http.ResponseWriter, r *http.Request) {
	if a.Silent {
		<-r.Context().Done()
		return
	}
	maps.Copy(w.Header(), a.Header)
	w.WriteHeader(a.Status)
	fmt.Fprint(w, a.Body)
}

// statuses are the documented statuses of the webhook's errors. Others are 400.
var statuses = map[string]int{
	"channel_not_found": http.StatusNotFound, "action_prohibited": http.StatusForbidden, "channel_is_archived": http.StatusGone,
}

func (s *Server) webhook(w http.ResponseWriter, r *http.Request, body []byte) {
	if !s.allow(w, webhookPath) {
		plain(w, http.StatusTooManyRequests, "ratelimited")
		return
	}
	m, code := s.judge(r, body)
	if code != "" {
		status := statuses[code]
		if status == 0 {
			status = http.StatusBadRequest
		}
		plain(w, status, code)
		return
	}
	s.accept(m, body)
	plain(w, http.StatusOK, "ok")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}

func (s *Server) chat(w http.ResponseWriter, r *http.Request, body []byte) {
	m, code := s.judge(r, body)
	switch {
	case r.Header.Get("Authorization") == "":
		code = "not_authed"
	case r.Header.Get("Authorization") != "Bearer "+Token:
		code = "invalid_auth"
	case code == "" && m.Channel == "":
		code = "channel_not_found"
	case code == "" && len([]rune(m.Text)) > maxText:
		code = "msg_too_long"
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if code == "" && !s.allow(w, m.Channel) {
		code = "ratelimited"
		w.WriteHeader(http.StatusTooManyRequests)
	}
	if code != "" {
		_ = json.NewEncoder(w).Encode(map[string]any{"ok": false, "error": code})
		return
	}
	ts := s.accept(m, body)
	_ = json.NewEncoder(w).Encode(struct {
		OK      bool            `json:"ok"`
		Channel string          `json:"channel"`
		TS      string          `json:"ts"`
		Message json.RawMessage `json:"message"`
	}{true, m.Channel, ts, body})
}

// accept stores a message. The caller holds mu.
func (s *Server) accept(m payload, body []byte) (ts string) {
	ts = fmt.Sprintf("%d.%06d", time.Now().Unix(), len(s.accepted)+1)
	s.accepted = append(s.accepted, Message{Body: body, At: time.Now(), TS: ts, Text: m.Text, Channel: m.Channel})
	return ts
}

// allow reports whether the rate allows a message. The caller holds mu.
func (s *Server) allow(w http.ResponseWriter, name string) bool {
	if s.options.Every == 0 {
		return true
	}
	b := s.buckets[name]
	if b == nil {
		b = &bucket{tokens: float64(max(1, s.options.Burst)), at: time.Now()}
		s.buckets[name] = b
	}
	if b.take(s.options, time.Now()) {
		return true
	}
	s.refused++
	wait := int((s.options.Every + time.Second - 1) / time.Second)
	w.Header().Set("Retry-After", fmt.Sprint(wait))
	return false
}

// bucket is a token bucket.
type bucket struct {
	tokens float64
	at     time.Time
}

func (b *bucket) take(o Options, now time.Time) bool {
	b.tokens = min(b.tokens+float64(now.Sub(b.at))/float64(o.Every), float64(max(1, o.Burst)))
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// judge returns Slack's code for what is wrong with a message, or "".
func (s *Server) judge(r *http.Request, body []byte) (m payload, code string) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return m, "invalid_payload"
	}
	if json.Unmarshal(body, &m) != nil {
		return m, "invalid_payload"
	}
	if s.options.Channels != nil && m.Channel != "" && !slices.Contains(s.options.Channels, m.Channel) {
		return m, "channel_not_found"
	}
	return m, m.mistake()
}
