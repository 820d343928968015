package websocket

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// refusal is the answer to a client that is not let in.
type refusal struct {
	status int
	code   string
	// header and its value, when there is something to say beyond the status.
	header, value string
}

const retryAfter = "Retry-After"

var (
	refusedURL         = &refusal{status: http.StatusRequestURITooLong, code: "url_too_long"}
	refusedMethod      = &refusal{http.StatusMethodNotAllowed, "method_not_allowed", "Allow", "GET"}
	refusedPlain       = &refusal{http.StatusUpgradeRequired, "upgrade_required", "Upgrade", "websocket"}
	refusedVersion     = &refusal{http.StatusUpgradeRequired, "unknown_version", "Sec-WebSocket-Version", "13"}
	refusedHandshake   = &refusal{status: http.StatusBadRequest, code: "bad_handshake"}
	refusedOrigin      = &refusal{status: http.StatusForbidden, code: "origin"}
	refusedQuery       = &refusal{status: http.StatusBadRequest, code: "bad_query"}
	refusedToken       = &refusal{http.StatusUnauthorized, "unauthorized", "WWW-Authenticate", "Bearer"}
	refusedRoomName    = &refusal{status: http.StatusBadRequest, code: "bad_room"}
	refusedRoom        = &refusal{status: http.StatusForbidden, code: "room_forbidden"}
	refusedSubprotocol = &refusal{status: http.StatusBadRequest, code: "no_subprotocol"}
	refusedRate        = &refusal{http.StatusTooManyRequests, "too_many_connects", retryAfter, "1"}
	refusedFullForYou  = &refusal{http.StatusTooManyRequests, "too_many_connections", retryAfter, "10"}
	refusedFull        = &refusal{http.StatusServiceUnavailable, "full", retryAfter, "10"}
	refusedStopping    = &refusal{http.StatusServiceUnavailable, "stopping", retryAfter, "1"}
	refusedNotStored   = &refusal{http.StatusServiceUnavailable, "not_stored", retryAfter, "5"}
)

// refusals are all there are, for the metrics to begin with.
func refusals() []*refusal {
	return []*refusal{
		refusedURL, refusedMethod, refusedPlain, refusedVersion, refusedHandshake, refusedOrigin, refusedQuery, refusedToken, refusedRoomName,
		refusedRoom, refusedSubprotocol, refusedRate, refusedFullForYou, refusedFull, refusedStopping, refusedNotStored,
	}
}

// write answers with a problem document (RFC 9457), and returns the id that joins it to the log, and its length.
func (p *refusal) write(w http.ResponseWriter) (requestID string, length int) {
	requestID = newID()
	body, err := json.Marshal(struct {
		Type      string `json:"type"`
		Title     string `json:"title"`
		Status    int    `json:"status"`
		Code      string `json:"code"`
		RequestID string `json:"request_id"`
	}{"about:blank", http.StatusText(p.status), p.status, p.code, requestID})
	if err != nil {
		panic(fmt.Sprintf("websocket: problem document: %v", err)) // cannot happen: strings and an int
	}
	h := w.Header()
	if p.header != "" {
		h.Set(p.header, p.value)
	}
	h.Set("Connection", "close")
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Request-Id", requestID)
	w.WriteHeader(p.status)
	_, _ = w.Write(body) // the client may be gone; nothing is left to be done for it
	return requestID, len(body)
}
