package s3

import (
	"encoding/binary"
	"time"

	"github.com/pointsman/pointsman/core/source"
)

// identify returns the event's id and dedupe key, which are the same. No store but EventBridge gives its events an id, and
// some give different events the same sequencer: the id is a digest of all that tells two events of a store apart and is the
// same when one is sent again.
func (n *notice) identify(window time.Duration) (id string, keys []source.Key) {
	if isToken(n.id) {
		return n.id, []source.Key{{Value: n.id, Window: window}}
	}
	d, o := n.data, n.data.GetObject()
	etag, when := "", ""
	numbered := o.GetSequencer() != "" || d.GetRequestId() != ""
	switch {
	case d.GetDialect() == dialectVersityGW || !numbered: // a sequencer that starts again at 1, or nothing that counts
		etag, when = o.GetEtag(), n.time
	case d.GetDialect() == dialectVK: // a sequencer of whole seconds
		etag = o.GetEtag()
	}
	if !numbered && when == "" {
		window = source.ShortWindow // the content alone
	}
	id = digest(n.id, d.GetDialect(), o.GetBucket(), o.GetKey(), d.GetEventName(), o.GetVersionId(), o.GetSequencer(), d.GetRequestId(), etag, when)
	return id, []source.Key{{Value: id, Window: window}}
}

// digest returns one id for the parts. Their lengths are in it, so that parts cannot run into each other.
func digest(parts ...string) string {
	text := make([]byte, 0, 512)
	for _, p := range parts {
		text = binary.AppendUvarint(text, uint64(len(p)))
		text = append(text, p...)
	}
	return source.ContentID(text)
}

// isToken accepts 1 to 64 ASCII letters, digits, "_" and "-": all ids that EventBridge makes.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
