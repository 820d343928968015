package intdash

import (
	"strconv"
	"time"

	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// What a sender wrote is used in ids, types, subjects and keys only after these functions have bounded it. The data and
// the attributes of an envelope keep it as it was.

// identify returns the event's id and dedupe keys. A retry repeats delivery_uuid. A redelivery by hand is a delivery of its
// own, so that the second key recognises the event itself; it is made only of an event that says which resource and when,
// for else two events could share it. The preview said none of this: there the content is the key, for a short time.
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

const maxKey = 256 // bytes; longer keys are replaced by a digest

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
	// A part may hold the separator, or anything: quoted, the parts cannot run into each other.
	key = key[:0]
	for _, p := range parts {
		key = strconv.AppendQuote(key, p)
	}
	return source.ContentID(key)
}

// token makes a part of a type out of what the sender wrote: itself if it is well-formed, else "unknown".
func token(s string) string {
	if isToken(s) {
		return s
	}
	return "unknown"
}

// subject returns the UUID, or a digest of what is no printable text of a sane length.
func subject(uuid string) string {
	if uuid == "" {
		return ""
	}
	return bounded(uuid, func(s string) bool { return len(s) <= 128 && all(s, func(c byte) bool { return c > ' ' && c <= '~' }) })
}

// bounded returns s if ok says so, else a digest that stands for it.
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
