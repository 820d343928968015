package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Kind is one kind of source: the first label of its blocks, the attributes a block may have, and how to make a source of one.
type Kind struct {
	Name string
	// Doc is one sentence for people.
	Doc    string
	Schema *pluginv1.Schema
	// New makes a source from a JSON object that satisfies Schema. It decodes the settings once and opens nothing: validating
	// a configuration makes sources too. An error describes a mistake in the settings.
	New func(settings []byte, d Deps) (Source, error)
	// Decoder makes a decoder of samples from the same settings; see NewDecoder. Only tests and explanations use it.
	Decoder func(settings []byte, name string) (Decoder, error)
}

// NewKind returns a kind whose settings are a struct S with the tags of package schema. makeSource may rely on the fields of Deps
// being set.
func NewKind[S any](name, doc string, makeSource func(settings *S, d Deps) (Source, error)) Kind {
	kindSchema := schema.MustOf(*new(S))
	for _, a := range kindSchema.GetAttributes() {
		if a.GetName() == "sensitive" {
			panic(fmt.Sprintf("source: kind %q has an attribute %q, which belongs to the router in every source block", name, a.GetName()))
		}
	}
	open := func(raw []byte, d *Deps) (Source, error) {
		settings := new(S)
		if err := errors.Join(d.check(), schema.Decode(nil, raw, settings)); err != nil {
			return nil, err
		}
		return makeSource(settings, *d)
	}
	return Kind{Name: name, Doc: doc, Schema: kindSchema, New: func(raw []byte, d Deps) (Source, error) {
		s, err := open(raw, &d)
		if err != nil {
			return nil, fmt.Errorf("source %q: %w", d.Name, err)
		}
		return s, nil
	}}
}

// Source is one configured source block. Its handler responds with 2xx only after Intake has accepted the events.
type Source interface {
	http.Handler
	// Info describes the source. It is the same for as long as the source exists.
	Info() Info
	// Run blocks until ctx is done. Then it closes what the source has opened, connections included. It is called again only after
	// it has returned an error.
	Run(ctx context.Context) error
}

// Info is what the router and an operator need to know about a source.
type Info struct {
	// Name is the second label of the source block, Kind the first.
	Name, Kind string
	// Path is the exact URL path the source is mounted at.
	Path string
	// Subtree also mounts the source at every path below Path, unless another source is mounted nearer.
	Subtree bool
	// LongLived says that requests may last for hours because the connections are upgraded. The server does not count them as
	// requests in flight and cannot close them, so the source limits their number and closes them when Run ends.
	LongLived bool
	// MaxBody is the size of the largest message that the source accepts, in bytes.
	MaxBody int64
	// Data is the kind whose protobuf message event.data is. Empty means Kind.
	Data string
	// Memory says that events are acknowledged before they are on disk: a crash loses the last moments.
	Memory bool
	// Insecure names the settings that admit senders without proof of who they are.
	Insecure []string
	// Warnings describe settings that are valid and probably not intended. They hold no secret.
	Warnings []string
	// Rooms reaches the connections of the source; nil for a source that has none.
	Rooms Rooms
}
