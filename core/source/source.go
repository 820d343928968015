// Package source holds what all sources share: the handling of one HTTP request from its first byte to a durable event,
// and the server that sources are mounted on. Each sub-folder is one kind of source and adds only how its sender
// authenticates and how its body is decoded.
//
// Two rules hold for every source. Authentic input is never dropped: a body that cannot be decoded is stored as a
// quarantined event and acknowledged. Unauthentic input is never stored, only counted.
package source

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"time"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// Intake takes responsibility for events: it applies the rules and appends to the journal.
type Intake interface {
	// Accept stores all of the events or none. They are on disk when it returns nil, except events with Memory, for which it
	// also reports no duplicates. After any error the sender must send again. The result has one element per event, in
	// order. Intake owns the events from the call on.
	Accept(ctx context.Context, events []Event) ([]Accepted, error)
}

// Event is one decoded or quarantined event on its way to Intake.
type Event struct {
	Envelope *pointsmanv1.Envelope
	// Keys identify duplicates: the event is a duplicate if any of its keys was seen within that key's window.
	Keys []Key
	// Memory acknowledges the event before it is on disk: a crash within the next milliseconds loses it. All events of a
	// request have the same value.
	Memory bool
	// Quarantine is why the authentic body could not be decoded, empty for a decoded event.
	Quarantine string
	// reason is the metric label for Quarantine.
	reason string
}

// Key is a dedupe key, unique within its source.
type Key struct {
	Value string
	// Window is how long the key is kept; 0 means the journal's default.
	Window time.Duration
}

// Accepted is the result for one event.
type Accepted struct {
	// Duplicate means that the event was already known and nothing was stored.
	Duplicate bool
	// Deliveries is the number of deliveries the event causes.
	Deliveries int
}

// Deps are what the program provides to a source. Name, Intake, Log and Metrics are required; Now defaults to time.Now.
type Deps struct {
	Name string
	// Sensitive says that the content of the events must not be shown. The source marks every envelope so.
	Sensitive bool
	Intake    Intake
	Log       *slog.Logger
	Metrics   *Metrics
	Now       func() time.Time
}

func (d *Deps) check() error {
	switch {
	case d.Name == "":
		return errors.New("source without a name")
	case d.Intake == nil || d.Log == nil || d.Metrics == nil:
		return errors.New("intake, log and metrics are required")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return nil
}

// DefaultPath returns the path of a source whose block sets none.
func DefaultPath(name string) string { return "/hooks/" + name }

// CheckPath returns an error if a source cannot be mounted at p.
func CheckPath(p string) error {
	const maxLen = 256
	switch {
	case !strings.HasPrefix(p, "/"):
		return fmt.Errorf("path %q must start with %q", p, "/")
	case len(p) > maxLen:
		return fmt.Errorf("path is longer than %d bytes", maxLen)
	case path.Clean(p) != p:
		return fmt.Errorf("path %q must be written as %q: requests are matched exactly", p, path.Clean(p))
	case strings.ContainsFunc(p, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune("?#%{}", c) }):
		return fmt.Errorf("path %q holds a character that a URL path cannot hold as it is", p)
	}
	return nil
}
