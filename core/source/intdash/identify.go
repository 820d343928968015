package intdash

import (
	"strconv"
	"time"

	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// These functions bound the sender's values before they become ids, types, subjects and keys. The data and the attributes of
// an envelope keep them unchanged.

// identify returns the event's id and dedupe keys. A retry has the same delivery_uuid. A manual redelivery has a new one, so
// a second key identifies the event itself; it needs a resource and a time, because otherwise two events could share it. The
// preview sent none of these: there the content is the key, for a short time.
func identify(data *pointsmanv1.IntdashEvent, body []byte, window time.Duration) (id string, keys []source.Key) {
	keys = make([]source.Key, 0, 2)
	if data.DeliveryUuid != "" {
		id = bounded(data.DeliveryUuid, isToken)
		keys = append(keys, source.Key{Value: id, Window: window})
	} else {
		id = source.ContentID(body)
		keys = append(keys, source.Key{Value: id, Window: source.ShortWindow})
	}
	if data.ResourceUuid != "" && data.OccurredAt != "" {
		keys = append(keys, source.Key{Value: eventKey(data), Window: window})
	}
	return id, keys
}

const maxKey = 256 // bytes; longer keys become a digest

func eventKey(data *pointsmanv1.IntdashEvent) string {
	parts := [...]string{data.HookUuid, data.ResourceType, data.OriginalAction, data.ResourceUuid, data.OccurredAt}
	key := make([]byte, 0, 192)
	plain := true
	for i, p := range parts {
		if i > 0 {
			key = append(key, '|')
		}
		key = append(key, p...)
		plain = plain && isKeyPart(p)
	}
	if plain && len(key) <= maxKey {
		return string(key)
	}
	// Parts may contain the separator; quoting keeps them distinct.
	key = key[:0]
	for _, p := range parts {
		key = strconv.AppendQuote(key, p)
	}
	return source.ContentID(key)
}

// token returns the sender's value as a part of an event type, "unknown" if it is not well-formed.
func token(s string) string {
	if isToken(s) {
		return s
	}
	return "unknown"
}

// subject returns the UUID, or a digest of it if it is too long or not printable.
func subject(uuid string) string {
	if uuid == "" {
		return ""
	}
	return bounded(uuid, func(s string) bool { return len(s) <= 128 && all(s, func(c byte) bool { return c > ' ' && c <= '~' }) })
}

// bounded returns s if ok accepts it, else a digest of it.
func bounded(s string, ok func(string) bool) string {
	if ok(s) {
		return s
	}
	return source.ContentID([]byte(s))
}

// isToken accepts 1 to 64 ASCII letters, digits, "_" and "-".
func isToken(s string) bool {
	return s != "" && len(s) <= 64 && all(s, func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
	})
}

// isKeyPart accepts the characters of a token and of a time.
func isKeyPart(s string) bool {
	return s == "" || len(s) <= 64 && all(s, func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == ':' || c == '.' || c == '+'
	})
}

func all(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}
