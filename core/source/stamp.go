package source

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// ShortWindow is the dedupe window of a key made from the content alone: long enough for a sender's retries, short enough
// that a second event with the same content is usually not taken for a duplicate.
const ShortWindow = 5 * time.Minute

// ContentID returns an event id derived from the content, for senders that send no id.
func ContentID(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256-" + hex.EncodeToString(sum[:])
}

// BoundedID returns a sender's id if it is short and printable ASCII, else a digest of it.
func BoundedID(id string) string {
	const maxLen = 128
	if len(id) > maxLen || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return ContentID([]byte(id))
	}
	return id
}

// IsToken accepts 1 to 64 ASCII letters, digits, "_" and "-".
func IsToken(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-'
	})
}

// UnixNano parses a time in RFC 3339, or in one of the other layouts as UTC. It returns 0 if text has none of these forms or
// does not fit into nanoseconds.
func UnixNano(text string, utcLayouts ...string) int64 {
	t, err := time.Parse(time.RFC3339Nano, text)
	for i := 0; err != nil && i < len(utcLayouts); i++ {
		t, err = time.Parse(utcLayouts[i], text)
	}
	if err != nil || t.Year() < 1678 || t.Year() > 2261 {
		return 0
	}
	return t.UnixNano()
}

// Quarantined returns the event that keeps a part of an authentic body that could not be decoded. The caller sets Body unless
// the part is the whole body.
func Quarantined(kind string, part []byte, cause *Undecodable) Event {
	id := ContentID(part)
	return Event{
		Envelope:   &pointsmanv1.Envelope{Id: id, Type: kind + ".quarantined"},
		Keys:       []Key{{Value: id, Window: ShortWindow}},
		Quarantine: cause.Error(),
		reason:     cause.Reason,
	}
}

// SecretNames returns how Envelope.verified_by names each of n secrets: "token 1", "token 2".
func SecretNames(word string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = word + " " + strconv.Itoa(i+1)
	}
	return names
}

// verifiedBy returns what verified a request, empty if the source admits anyone.
func (h *Webhook) verifiedBy(request Request) string {
	if s, ok := request.(Signed); ok {
		if by := s.VerifiedBy(); by != "" {
			return by
		}
	}
	if slot := request.Slot(); slot >= 0 {
		return h.secrets[slot]
	}
	return ""
}

// shared is what all events of a source share.
type shared struct {
	name, kind string
	sensitive  bool
}

// stamp sets the fields that all envelopes of a request share. The declared content type describes the request's body, so it
// is not that of an envelope with its own body.
func (s shared) stamp(header http.Header, body []byte, received time.Time, verifiedBy string, events []Event) {
	contentType := declaredType(header)
	parent := traceParent(header)
	for i := range events {
		e := events[i].Envelope
		e.Source, e.Kind = s.name, s.kind
		e.ReceivedUnixNano = received.UnixNano()
		e.TraceParent = parent
		e.VerifiedBy, e.Sensitive = verifiedBy, s.sensitive
		if e.Body == nil {
			e.Body, e.ContentType = body, contentType
		}
	}
}

// declaredType returns the Content-Type if it is short printable ASCII. Anything else is not a media type, and may not be
// valid UTF-8, which protobuf strings must be.
func declaredType(header http.Header) string {
	const maxLen = 256
	v := header["Content-Type"]
	if len(v) != 1 || len(v[0]) > maxLen {
		return ""
	}
	for _, c := range []byte(v[0]) {
		if c < ' ' || c > '~' {
			return ""
		}
	}
	return v[0]
}

// traceParent returns the traceparent header if it is valid by W3C Trace Context section 3.2, else "".
func traceParent(header http.Header) string {
	const length, maxLen = len("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), 128
	v := header["Traceparent"]
	if len(v) != 1 || len(v[0]) < length || len(v[0]) > maxLen {
		return ""
	}
	p := v[0]
	version, trace, span, flags := p[:2], p[3:35], p[36:52], p[53:55]
	switch {
	case p[2] != '-' || p[35] != '-' || p[52] != '-',
		!lowerHex(version) || !lowerHex(trace) || !lowerHex(span) || !lowerHex(flags),
		version == "ff" || allZero(trace) || allZero(span):
		return ""
	case len(p) > length && (version == "00" || p[length] != '-' || !visible(p[length:])):
		return "" // only a version after 00 may add fields
	}
	return p
}

func lowerHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func allZero(s string) bool {
	for _, c := range []byte(s) {
		if c != '0' {
			return false
		}
	}
	return true
}

func visible(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
