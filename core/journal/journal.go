// Package journal is the durable store of envelopes and deliveries. A delivery that it has acknowledged is pending until it is
// settled. Engines are in sub-folders; journaltest is the suite that every engine passes.
package journal

import (
	"context"
	"errors"
	"time"
)

// Errors that an engine returns, to be found with errors.Is.
var (
	// ErrFull means that the byte cap is reached. Nothing was stored; the journal never drops pending deliveries to make room.
	ErrFull = errors.New("journal is full")
	// ErrClosed means that the journal was closed before or during the call.
	ErrClosed = errors.New("journal is closed")
	// ErrLocked means that another process has the journal open.
	ErrLocked = errors.New("journal is in use by another process")
	// ErrNotFound means that no event or delivery has the given id.
	ErrNotFound = errors.New("not found in the journal")
	// ErrAmbiguous means that events of several sources have the given id.
	ErrAmbiguous = errors.New("several sources have an event with this id")
)

// Journal is the part of an engine that the data path uses. All methods may be called concurrently.
type Journal interface {
	// Append stores the entries in one write, all or none, and returns when they have the given durability. The result has one
	// element per entry, in order; with Memory it is zero, because the journal does not know yet which are duplicates. The
	// entries belong to the journal afterwards. When ctx ends first, Append returns its error and the outcome is unknown: the
	// entries may be stored or not.
	Append(ctx context.Context, d Durability, entries []Entry) ([]Appended, error)
	// Claim waits until at least one delivery of the plugin is due and returns up to max of them in order of arrival, except
	// that due retries take no more than half of the places while first attempts wait. Claim does not return a claimed
	// delivery again until it is settled. A claim is not durable: after a restart, claimed deliveries are due again. A
	// delivery with an OrderKey is not due while an earlier one of the same plugin and key is unsettled. Only one goroutine
	// may claim for a plugin at a time.
	Claim(ctx context.Context, plugin string, max int) ([]Delivery, error)
	// Settle records the outcomes of claimed deliveries, durably when it returns nil. It skips settlements of deliveries that
	// are not claimed and reports them as ErrNotFound; the others are stored. After any other error, unless ctx ended, the
	// deliveries are still claimed and may be settled again.
	Settle(ctx context.Context, results []Settlement) error
	// Ready returns nil while Append accepts events of ordinary size, up to some 10 KiB, and otherwise the error that Append would
	// return: ErrFull, ErrClosed, or that of a disk that cannot be written. It may write to find out whether such a disk works
	// again.
	Ready(ctx context.Context) error
	// Close waits for writes in progress, ends waiting claims with ErrClosed and releases the store. Closing again returns nil.
	Close() error
}

// Durability is what Append guarantees about entries when it returns nil.
type Durability uint8

const (
	// Disk means that the entries survive kill -9 and power loss.
	Disk Durability = iota
	// Memory means that the journal has the entries in memory and stores them in order with all others, usually within milliseconds. A
	// crash before that loses them; so does a full disk, which is logged.
	Memory
)

// Entry is one event with the deliveries it causes.
type Entry struct {
	Source, ID, Type, Subject string
	Received                  time.Time
	// Envelope is the encoded pointsman.v1.Envelope.
	Envelope []byte
	// Keys identify duplicates: the entry is a duplicate if any (Source, Key.Value) was stored within that key's window.
	// Without keys it is never a duplicate.
	Keys []Key
	// Quarantine is why an authentic event could not be decoded. Such an entry has no deliveries.
	Quarantine string
	// ReplayOf is the Seq of the event that this one repeats, 0 for none. A replay has no Keys: it is no duplicate.
	ReplayOf int64
	// Deliveries is empty for an event that no rule matched.
	Deliveries []NewDelivery
}

// Key is a dedupe key of an event within its source.
type Key struct {
	Value string
	// Window is how long the journal keeps the key, rounded up to the second; 0 means the engine's default (24 h).
	Window time.Duration
}

// NewDelivery is a delivery that a rule made. It is complete: nothing about it depends on the configuration any more.
type NewDelivery struct {
	Rule, Plugin string
	// Arguments is a JSON object.
	Arguments []byte
	// OrderKey keeps deliveries of one plugin with the same key in order of arrival, one at a time. Empty: no order.
	OrderKey string
	Policy   Policy
	// Generation is the number of the configuration whose rule made the delivery.
	Generation int64
	// Sensitive names the arguments that must not be shown to anyone, separated by spaces; those in blocks with dots, as in
	// "auth.token". It is the same for all deliveries of a dispatch block.
	Sensitive string
	// Dead, if not empty, makes the delivery a dead letter from the start, with ReasonRuleError and this text.
	Dead string
}

// Appended is the result for one entry.
type Appended struct {
	// Seq is the event's number in the journal; for a duplicate, that of the event stored first.
	Seq       int64
	Duplicate bool
}

// Delivery is one claimed delivery.
type Delivery struct {
	// Seq is the number to settle it by.
	Seq int64
	// ID is the same for all attempts and unique over all journals.
	ID string
	// Event is the Seq of its event; EventID and Source are the envelope's.
	Event           int64
	EventID, Source string
	Rule, Plugin    string
	// Attempt counts from 1.
	Attempt int
	// Envelope and Arguments belong to the journal: read only.
	Envelope, Arguments []byte
	OrderKey            string
	Policy              Policy
	// Received is when the event was received, or the time of the last re-drive.
	Received time.Time
}

// Outcome is the result of one attempt.
type Outcome uint8

// Outcomes of an attempt.
const (
	// Done: delivered.
	Done Outcome = iota + 1
	// Retry: due again at Settlement.At.
	Retry
	// Dead: ended without success; kept as a dead letter.
	Dead
	// Release: not attempted; due again at once, and not counted as an attempt.
	Release
)

// Reasons of a dead letter.
const (
	ReasonRuleError  = "rule_error"
	ReasonRejected   = "rejected"
	ReasonExhausted  = "retries_exhausted"
	ReasonExpired    = "max_age"
	ReasonPoison     = "poison"
	ReasonBadMessage = "bad_result"
)

// Settlement is the outcome of one attempt of the delivery Seq.
type Settlement struct {
	Seq     int64
	Outcome Outcome
	// At is when a Retry is due.
	At time.Time
	// Reason is one of the Reason constants, for Dead.
	Reason string
	// Error is the last error, for Retry and Dead; Receipt is the plugin's proof, for Done. Both are for people and contain no
	// secrets.
	Error, Receipt string
}
