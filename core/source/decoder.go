package source

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Sample is what a sender would post or send, written down by the author of a test. Nobody has sent it, so there is nothing to verify.
type Sample struct {
	Header   http.Header
	Body     []byte
	Received time.Time
	// Client is who sends it, for kinds with connections. Others refuse a sample that has one.
	Client *Client
}

// Client is the connection of a Sample.
type Client struct {
	// Event is "connect", "message" or "disconnect"; empty means "message".
	Event, Room, User string
}

// Decoder decodes samples as the source of a block decodes its requests. An event that the source would quarantine has Quarantine set.
//
// It is apart from Source on purpose: what is mounted on a server is a Source, and no method of any Source decodes what was not
// verified.
type Decoder func(Sample) ([]Event, error)

// NewDecoder returns the function of Kind.Decoder for settings S. decode returns what Request.Events does for the settings, without
// the fields that all events of a request share.
func NewDecoder[S any](kind string, decode func(settings *S) (Decoder, error)) func(raw []byte, name string) (Decoder, error) {
	return func(raw []byte, name string) (Decoder, error) {
		settings := new(S)
		err := schema.Decode(nil, raw, settings)
		var events Decoder
		if err == nil {
			events, err = decode(settings)
		}
		if err != nil {
			return nil, fmt.Errorf("source %q: %w", name, err)
		}
		return func(s Sample) ([]Event, error) {
			list, err := events(s)
			shared{name: name, kind: kind}.stamp(s.Header, s.Body, s.Received, "", list)
			return list, err
		}, nil
	}
}

// ErrNoConnections is the error of a sample with a Client for a kind that has none.
var ErrNoConnections = errors.New("its senders post bodies: room, user and event_type are for sources of kind websocket")
