// Package source is what all sources share: the path of one HTTP request from its first byte to a durable event, and the
// server that the sources are mounted on. Each sub-folder is one kind of source and adds only how its sender signs and
// what its bytes mean.
//
// Two rules hold for every source. Authentic input is never thrown away: what cannot be decoded is kept as a quarantined
// event and answered as accepted. Unauthentic input is never stored, only counted.
package source

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// Source is a configured way in. Its handler answers 2xx only for what Intake has accepted.
type Source interface {
	http.Handler
	// Name is the second label of the source block.
	Name() string
	// Kind is the first label: "intdash", ...
	Kind() string
	// Path is the exact URL path that the source is mounted at.
	Path() string
}

// Subtree is a Source that may also answer the paths below its own.
type Subtree interface {
	Source
	// ServesSubtree says whether Path()+"/"+anything is the source's too, as far as no other source is mounted nearer.
	ServesSubtree() bool
}

// LongLived is a Source whose requests may last for hours: connections that were upgraded. They do not count as requests in
// flight, so the source bounds them by itself; and it closes them when its Run ends, for the server does not know them any
// more.
type LongLived interface {
	Source
	// Run blocks until ctx ends and every connection is closed.
	Run(ctx context.Context) error
}

// Intake takes over responsibility for events: rules, then the journal.
type Intake interface {
	// Accept stores the events, all or none, and is durable when it returns nil, save for volatile events, whose duplicates it
	// does not tell either. Any error means that the sender must send
	// again. The result has one element per event, in order. The events belong to Intake from here on.
	Accept(ctx context.Context, events []Event) ([]Accepted, error)
}

// Event is one decoded, or quarantined, event on its way to Intake.
type Event struct {
	Envelope *pointsmanv1.Envelope
	// Keys recognise duplicates: the event is one when any key was seen within its window.
	Keys []Key
	// Volatile events are taken over without waiting for the disk: a crash within the next milliseconds loses them. A request
	// holds only such events, or none.
	Volatile bool
	// Quarantine says why the authentic body could not be decoded; empty for a decoded event.
	Quarantine string
	// reason is the one word of Quarantine that is counted.
	reason string
}

// Key is a dedupe key, unique within its source.
type Key struct {
	Value string
	// Window is how long the key is remembered; 0 means the journal's default.
	Window time.Duration
}

// Accepted is what became of one event.
type Accepted struct {
	// Duplicate means that the event was known and that nothing was stored.
	Duplicate bool
	// Deliveries is how many deliveries the event causes.
	Deliveries int
}

// Deps is what a source is given by the program. All but Now are required; Now defaults to time.Now.
type Deps struct {
	Name    string
	Intake  Intake
	Log     *slog.Logger
	Metrics *Metrics
	Now     func() time.Time
}

func (d *Deps) check() error {
	switch {
	case d.Name == "":
		return errors.New("source without a name")
	case d.Intake == nil || d.Log == nil || d.Metrics == nil:
		return fmt.Errorf("source %q: intake, log and metrics are required", d.Name)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return nil
}

// DefaultPath is where a source is mounted when its block has no path.
func DefaultPath(name string) string { return "/hooks/" + name }

// CheckPath says what is wrong with a path that a source is to be mounted at, or returns nil.
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
