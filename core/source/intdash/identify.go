package intdash

import (
	"strconv"
	"strings"
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
		id = data.DeliveryUuid
		if !source.IsToken(id) {
			id = source.ContentID([]byte(id))
		}
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

// eventKey returns the dedupe key for the content of an event, which is the same when the server delivers it again by hand.
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
	if source.IsToken(s) {
		return s
	}
	return "unknown"
}

// isKeyPart accepts the characters of a token and of a time.
func isKeyPart(s string) bool {
	return len(s) <= 64 && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_-:.+", c)
	})
}
