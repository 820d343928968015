package source

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// outcome is the result of a request. Its word is the reason in metrics and logs and the code in a problem document.
type outcome int

const (
	accepted outcome = iota
	duplicate
	quarantined
	healthy
	methodNotAllowed
	unsupportedEncoding
	bodyTooLarge
	bodyTooSlow
	bodyBroken
	refused
	malformed
	forbidden
	hidden
	handshake
	overloaded
	notVerified
	notStored
	unknownPath
	panicked
	outcomes // number of outcomes
)

// outcomeInfo describes the response and the log line of an outcome.
type outcomeInfo struct {
	word   string
	status int
	level  slog.Level
	// retryAfter is the value of Retry-After; 0: the header is not set.
	retryAfter time.Duration
	// detail helps the sender to fix the request, unless the cause of the outcome has a better one. It is empty where the
	// sender can fix nothing or help would be of use to an attacker.
	detail string
	// closes is set where the server must not wait for the rest of the request.
	closes bool
}

var outcomeTable = [outcomes]outcomeInfo{
	accepted:            {word: "accepted", status: http.StatusNoContent, level: slog.LevelDebug},
	duplicate:           {word: "duplicate", status: http.StatusNoContent, level: slog.LevelDebug},
	quarantined:         {word: "quarantined", status: http.StatusNoContent, level: slog.LevelWarn},
	healthy:             {word: "health", status: http.StatusOK, level: slog.LevelDebug},
	methodNotAllowed:    {word: "method_not_allowed", status: http.StatusMethodNotAllowed, level: slog.LevelDebug, detail: "events are sent with POST", closes: true},
	unsupportedEncoding: {word: "unsupported_encoding", status: http.StatusUnsupportedMediaType, level: slog.LevelInfo, detail: "send the body without Content-Encoding", closes: true},
	bodyTooLarge:        {word: "body_too_large", status: http.StatusRequestEntityTooLarge, level: slog.LevelInfo, closes: true},
	bodyTooSlow:         {word: "body_too_slow", status: http.StatusRequestTimeout, level: slog.LevelInfo, detail: "the body arrived too slowly", closes: true},
	bodyBroken:          {word: "body_broken", status: http.StatusBadRequest, level: slog.LevelInfo, detail: "the body ended early or its chunks are malformed", closes: true},
	refused:             {word: "unauthorized", status: http.StatusUnauthorized, level: slog.LevelWarn},
	malformed:           {word: "malformed", status: http.StatusBadRequest, level: slog.LevelWarn},
	forbidden:           {word: "forbidden", status: http.StatusForbidden, level: slog.LevelWarn},
	hidden:              {word: "unknown_path", status: http.StatusNotFound, level: slog.LevelWarn, detail: noSourceHere, closes: true}, // the sender cannot tell it from unknownPath
	handshake:           {word: "handshake", status: http.StatusOK, level: slog.LevelInfo},
	overloaded:          {word: "overloaded", status: http.StatusServiceUnavailable, level: slog.LevelWarn, retryAfter: time.Second, closes: true},
	notVerified:         {word: "not_verified", status: http.StatusServiceUnavailable, level: slog.LevelError, retryAfter: 5 * time.Second},
	notStored:           {word: "not_stored", status: http.StatusServiceUnavailable, level: slog.LevelError, retryAfter: 5 * time.Second},
	unknownPath:         {word: "unknown_path", status: http.StatusNotFound, level: slog.LevelDebug, detail: noSourceHere, closes: true},
	panicked:            {word: "panic", status: http.StatusInternalServerError, level: slog.LevelError, closes: true},
}

func (o outcome) info() *outcomeInfo { return &outcomeTable[o] }

// String returns the outcome's word.
func (o outcome) String() string { return o.info().word }

// noSourceHere must be the same for every 404, so that nobody learns which paths exist.
const noSourceHere = "no source is mounted at this path"

// problem is the body of every response that is not 2xx (RFC 9457). It never repeats anything that the sender sent.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
}

// respond writes the response for o. requestID is empty on success, because only failures are looked up in the log.
func respond(w http.ResponseWriter, o outcome, status int, detail, requestID string) {
	info := o.info()
	h := w.Header()
	if info.closes {
		h["Connection"] = closeValue
	}
	if info.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(info.retryAfter/time.Second)))
	}
	if status < 300 {
		w.WriteHeader(status)
		return
	}
	if detail == "" {
		detail = info.detail
	}
	WriteProblem(w, status, info.word, detail, requestID)
}

// WriteProblem writes a problem document and returns its length. detail helps the client to fix its request; it must not
// repeat the request or help an attacker, and may be empty.
func WriteProblem(w http.ResponseWriter, status int, code, detail, requestID string) int {
	body, err := json.Marshal(problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code, RequestID: requestID,
	})
	if err != nil {
		panic(fmt.Sprintf("source: problem document: %v", err)) // cannot happen: strings and an int
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Request-Id", requestID)
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the client is gone; nothing is left to do
	return len(body)
}

// respondWith writes the response to a handshake.
func respondWith(w http.ResponseWriter, status int, reply *Reply) {
	h := w.Header()
	if reply.ContentType != "" {
		h.Set("Content-Type", reply.ContentType)
	}
	h.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(reply.Body) // as in respond
}

var closeValue = []string{"close"}

// newRequestID returns the id that links a response to its log line. It is not a secret.
func newRequestID() string { return fmt.Sprintf("%016x", rand.Uint64()) }
