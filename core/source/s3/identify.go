package s3

import (
	"encoding/binary"
	"time"

	"github.com/pointsman/pointsman/core/source"
)

// identify returns the event's id and its dedupe key, which are the same. Only EventBridge gives its events an id, and some
// stores use one sequencer for several events, so the id is a digest of everything that differs between two events of a store
// and stays the same over retries.
func (n *notice) identify(window time.Duration) (id string, keys []source.Key) {
	if source.IsToken(n.id) {
		return n.id, []source.Key{{Value: n.id, Window: window}}
	}
	d, o := n.data, n.data.GetObject()
	etag, when := "", ""
	numbered := o.GetSequencer() != "" || d.GetRequestId() != ""
	switch {
	case d.GetDialect() == dialectVersityGW || !numbered: // a sequencer that restarts at 1, or no counter at all
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

// digest returns an id for the parts. It includes their lengths, so that different parts cannot yield the same text.
func digest(parts ...string) string {
	text := make([]byte, 0, 512)
	for _, p := range parts {
		text = binary.AppendUvarint(text, uint64(len(p)))
		text = append(text, p...)
	}
	return source.ContentID(text)
}
