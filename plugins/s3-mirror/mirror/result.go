package mirror

import (
	"fmt"
	"time"
)

// Action is what was done at the destination.
type Action string

// The actions.
const (
	Copied    Action = "copied"
	Deleted   Action = "deleted"
	Tagged    Action = "tagged"
	Unchanged Action = "unchanged"
	Skipped   Action = "skipped"
)

// Result is what was done for one key.
type Result struct {
	Action Action
	Bytes  int64
	// ETag without quotes and VersionID are the destination's.
	ETag, VersionID string
	// Why nothing was done, or what else there is to say.
	Why string
	// AsOf is the moment since when the destination can be the source's state: just before the source was asked. Zero
	// when the source was not asked for the object.
	AsOf time.Time
}

// String is the receipt of a delivery.
func (r Result) String() string {
	text := string(r.Action)
	if r.Action == Copied {
		text += fmt.Sprintf(" %d bytes", r.Bytes)
	}
	if r.ETag != "" {
		text += fmt.Sprintf(", etag %q", r.ETag)
	}
	if r.VersionID != "" && r.VersionID != "null" {
		text += ", version " + r.VersionID
	}
	if r.Why != "" {
		text += ": " + r.Why
	}
	return text
}

// Hint is what a caller knows of the event that made it ask. The zero Hint is right when there was none.
type Hint struct {
	// Created: the event said that the object is there now.
	Created bool
	// Age of the event.
	Age time.Duration
	// Attempt to converge for this event, from 1.
	Attempt int
}

// early says whether a store may not yet show an object that it has announced.
func (h Hint) early() bool { return h.Created && h.Age < 10*time.Second && h.Attempt <= 3 }
