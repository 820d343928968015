package apigateway

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/websocket"
)

// Headers that the API's integrations set, in the canonical form of net/http.
const (
	headerSecret      = "X-Pointsman-Secret"
	headerConnection  = "X-Pointsman-Connection-Id" // context.connectionId
	headerEvent       = "X-Pointsman-Event-Type"    // context.eventType
	headerRoute       = "X-Pointsman-Route-Key"     // context.routeKey
	headerRequest     = "X-Pointsman-Request-Id"    // context.requestId
	headerMessage     = "X-Pointsman-Message-Id"    // context.messageId
	headerStage       = "X-Pointsman-Stage"         // context.stage
	headerSourceIP    = "X-Pointsman-Source-Ip"     // context.identity.sourceIp
	headerRequestTime = "X-Pointsman-Request-Time"  // context.requestTimeEpoch
	headerRoom        = "X-Pointsman-Room"          // route.request.querystring.room, of $connect
	// Only integrations other than HTTP can set these.
	headerCloseCode = "X-Pointsman-Close-Code"
	headerBase64    = "X-Pointsman-Base64"
)

// Values of headerEvent.
const (
	eventConnect    = "CONNECT"
	eventMessage    = "MESSAGE"
	eventDisconnect = "DISCONNECT"
)

var connectionName = regexp.MustCompile(`^[A-Za-z0-9+/=_-]{1,128}$`)

// request is the content of the headers.
type request struct {
	connection, event, route string
	// message is the id of the message, or of the request if there is none.
	message         string
	stage, sourceIP string
	room            string // requested by a $connect
	at              time.Time
	closeCode       uint32
	base64          bool
}

// parse reads the headers. The error is *source.Refused; the integrations of examples/apigateway never cause it.
func parse(header http.Header) (q request, err error) {
	h := headers{Header: header}
	q = request{
		connection: h.one(headerConnection), event: h.one(headerEvent), route: h.one(headerRoute),
		message: h.one(headerMessage), stage: h.one(headerStage), sourceIP: h.one(headerSourceIP), room: unescaped(h.one(headerRoom)),
		at: h.millis(headerRequestTime), closeCode: h.closeCode(), base64: h.one(headerBase64) == "true",
	}
	if q.message == "" {
		q.message = h.one(headerRequest)
	}
	if h.bad || !connectionName.MatchString(q.connection) || !q.routeFits() || q.event == eventMessage && q.message == "" {
		return q, &source.Refused{
			Reason: malformed, Status: http.StatusBadRequest,
			Detail: "the X-Pointsman headers do not describe an event of API Gateway: compare the integration with examples/apigateway",
		}
	}
	return q, nil
}

// routeFits reports whether an event of this type can have this route.
func (q *request) routeFits() bool {
	switch q.event {
	case eventConnect:
		return q.route == websocket.RouteConnect
	case eventDisconnect:
		return q.route == websocket.RouteDisconnect
	case eventMessage:
		return q.route == websocket.RouteDefault || websocket.ValidRoute(q.route)
	}
	return false
}

// unescaped removes percent-encoding that API Gateway may have left: a room's name contains no %.
func unescaped(room string) string {
	if plain, err := url.QueryUnescape(room); err == nil && strings.Contains(room, "%") {
		return plain
	}
	return room
}

// headers reads headers that must not be repeated.
type headers struct {
	http.Header
	bad bool
}

func (h *headers) one(name string) string {
	const maxLen = 512
	switch values := h.Header[name]; {
	case len(values) == 0:
		return ""
	case len(values) > 1 || len(values[0]) > maxLen || !plain(values[0]):
		h.bad = true
		return ""
	default:
		return values[0]
	}
}

// plain reports whether a string is printable ASCII.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
}

// millis reads a Unix time in milliseconds.
func (h *headers) millis(name string) time.Time {
	text := h.one(name)
	if text == "" {
		return time.Time{}
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms < 0 || ms > 1<<50 { // the year 37,000
		h.bad = true
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func (h *headers) closeCode() uint32 {
	text := h.one(headerCloseCode)
	if text == "" {
		return 0
	}
	code, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		h.bad = true
	}
	return uint32(code)
}
