package websocket

import (
	"net/http"

	"github.com/pointsman/pointsman/core/source"
)

// refusal is the response to a client that may not connect.
type refusal struct {
	status int
	code   string
	// detail says how the client can fix its request. It is empty where that would help an attacker.
	detail string
	// header is set to value unless it is empty.
	header, value string
}

const retryAfter = "Retry-After"

var (
	refusedURL         = &refusal{status: http.StatusRequestURITooLong, code: "url_too_long", detail: "the URL may have at most 4096 bytes"}
	refusedMethod      = &refusal{http.StatusMethodNotAllowed, "method_not_allowed", "connect with GET", "Allow", "GET"}
	refusedPlain       = &refusal{http.StatusUpgradeRequired, "upgrade_required", "connect with a WebSocket client; a proxy on the way must pass the headers Connection and Upgrade on", "Upgrade", "websocket"}
	refusedVersion     = &refusal{http.StatusUpgradeRequired, "unknown_version", "send Sec-WebSocket-Version: 13", "Sec-WebSocket-Version", "13"}
	refusedHandshake   = &refusal{status: http.StatusBadRequest, code: "bad_handshake", detail: "use HTTP/1.1 and send a Sec-WebSocket-Key of 16 bytes in base64"}
	refusedOrigin      = &refusal{status: http.StatusForbidden, code: "origin", detail: "pages of this Origin may not connect; the setting origins of the source lists those that may"}
	refusedQuery       = &refusal{status: http.StatusBadRequest, code: "bad_query", detail: "the query string is malformed"}
	refusedToken       = &refusal{http.StatusUnauthorized, "unauthorized", "", "WWW-Authenticate", "Bearer"}
	refusedRoomName    = &refusal{status: http.StatusBadRequest, code: "bad_room", detail: "add ?room=<name>, once, with 1 to 128 of A-Z a-z 0-9 : . _ -"}
	refusedRoom        = &refusal{status: http.StatusForbidden, code: "room_forbidden", detail: "the token does not allow this room"}
	refusedSubprotocol = &refusal{status: http.StatusBadRequest, code: "no_subprotocol", detail: "offer a subprotocol that the source supports, or none"}
	refusedRate        = &refusal{http.StatusTooManyRequests, "too_many_connects", "too many clients connect at the moment; try again in a second", retryAfter, "1"}
	refusedFullForYou  = &refusal{http.StatusTooManyRequests, "too_many_connections", "this address or this room has reached its limit of connections", retryAfter, "10"}
	refusedFull        = &refusal{http.StatusServiceUnavailable, "full", "the source has reached its limit of connections", retryAfter, "10"}
	refusedStopping    = &refusal{http.StatusServiceUnavailable, "stopping", "the router is shutting down", retryAfter, "1"}
	refusedNotStored   = &refusal{http.StatusServiceUnavailable, "not_stored", "the router cannot store events at the moment", retryAfter, "5"}
)

// refusals lists every refusal, so that each has its metric from the start.
func refusals() []*refusal {
	return []*refusal{
		refusedURL, refusedMethod, refusedPlain, refusedVersion, refusedHandshake, refusedOrigin, refusedQuery, refusedToken, refusedRoomName,
		refusedRoom, refusedSubprotocol, refusedRate, refusedFullForYou, refusedFull, refusedStopping, refusedNotStored,
	}
}

// write sends a problem document (RFC 9457). It returns the id that links it to the log, and the length of the document.
func (p *refusal) write(w http.ResponseWriter) (requestID string, length int) {
	requestID = newID()
	if p.header != "" {
		w.Header().Set(p.header, p.value)
	}
	w.Header().Set("Connection", "close")
	return requestID, source.WriteProblem(w, p.status, p.code, p.detail, requestID)
}
