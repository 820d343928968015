package mirror

import (
	"fmt"
	"time"
)

// Action is the change at the destination.
type Action string

// The actions.
const (
	Copied    Action = "copied"
	Deleted   Action = "deleted"
	Tagged    Action = "tagged"
	Unchanged Action = "unchanged"
	Skipped   Action = "skipped"
)

// Result is the outcome for one key.
type Result struct {
	Action Action
	Bytes  int64
	// ETag without quotes and VersionID are the destination's.
	ETag, VersionID string
	// Why nothing was done, or another remark.
	Why string
	// AsOf is just before the request to the source, so the destination has at least that state. Zero if the object was not
	// requested.
	AsOf time.Time
}

// String returns the receipt of a delivery.
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

// Hint describes the event that caused a call. The zero Hint stands for no event.
type Hint struct {
	// Created means that the event announced a new object.
	Created bool
	// Age of the event.
	Age time.Duration
	// Attempt to converge for this event, from 1.
	Attempt int
}

// early reports whether a store may not show an announced object yet.
func (h Hint) early() bool { return h.Created && h.Age < 10*time.Second && h.Attempt <= 3 }
