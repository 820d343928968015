package s3

import (
	"strconv"
	"time"

	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// notice is a store's report of one change of one object, independent of the dialect.
type notice struct {
	// data is complete except for the object's key and sequence.
	data *pointsmanv1.S3Event
	// id is the sender's id of the event, if any.
	id string
	// writtenKey is the object's key before unescaping.
	writtenKey string
	// time is the time of the change, as written.
	time       string
	attributes []*pointsmanv1.Attribute
}

// event returns the event, without its body.
func (n *notice) event(o *DecodeOptions) (source.Event, error) {
	data, object := n.data, n.data.GetObject()
	eventType := TypeOf(data.GetEventName())
	switch {
	case data.GetEventName() == "":
		return source.Event{}, &source.Undecodable{Reason: missingField, Detail: "no event name"}
	case object.GetBucket() == "":
		return source.Event{}, &source.Undecodable{Reason: missingField, Detail: "no bucket name"}
	case n.writtenKey == "" && !isBucketType(eventType):
		return source.Event{}, &source.Undecodable{Reason: missingField, Detail: "no object key"}
	}
	key, ok := decodeKey(n.writtenKey, data.GetDialect(), o.Keys)
	if !ok {
		n.attributes = append(n.attributes, attributes("key_raw", "true")...)
	}
	object.Key = key
	object.Sequence = grammars[data.GetDialect()].sequence(object.GetSequencer())
	id, keys := n.identify(o.Window)
	return source.Event{
		Envelope: &pointsmanv1.Envelope{
			Id:           id,
			Type:         eventType,
			Subject:      subject(object),
			TimeUnixNano: n.unixNano(),
			Attributes:   n.attributes,
			Data:         &pointsmanv1.Envelope_S3{S3: data},
		},
		Keys: keys,
	}, nil
}

// subject returns "bucket/key", or a digest if that is longer than any store allows.
func subject(o *pointsmanv1.S3Object) string {
	const longest = 2048 // bytes; a key has at most 1,024
	s := o.GetBucket()
	if o.GetKey() != "" {
		s += "/" + o.GetKey()
	}
	if len(s) > longest {
		return source.ContentID([]byte(s))
	}
	return s
}

// unixNano returns the time of the change, 0 if it is unknown. VK Cloud sends no time, but its sequencer is one.
func (n *notice) unixNano() int64 {
	d := n.data
	if seconds, err := strconv.ParseUint(d.GetObject().GetSequencer(), 10, 32); n.time == "" && d.GetDialect() == dialectVK && err == nil {
		return time.Unix(int64(seconds), 0).UnixNano()
	}
	return source.UnixNano(n.time, grammars[d.GetDialect()].utcLayouts...)
}
