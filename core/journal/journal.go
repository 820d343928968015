// Package journal is the durable store of envelopes and deliveries: what it has acknowledged is owed, and stays owed until
// it is settled. Engines live in sub-folders; journaltest is the suite that every engine passes.
package journal

import (
	"context"
	"errors"
	"time"
)

// Errors that an engine returns, to be found with errors.Is.
var (
	// ErrFull means that the byte cap is reached. Nothing was stored; nothing that is owed is ever dropped to make room.
	ErrFull = errors.New("journal is full")
	// ErrClosed means that the journal was closed before or during the call.
	ErrClosed = errors.New("journal is closed")
	// ErrLocked means that another process has the journal open.
	ErrLocked = errors.New("journal is in use by another process")
	// ErrNotFound means that no event or delivery has the id asked for.
	ErrNotFound = errors.New("not found in the journal")
)

// Journal is what the data path needs of an engine. All methods may be called concurrently.
type Journal interface {
	// Append stores the entries in one durable write, all or none: when it returns nil they survive kill -9 and power
	// loss. The result has one element per entry, in order. The entries belong to the journal afterwards. When ctx ends
	// first, Append returns its error and the outcome is unknown: the entries may be stored or not.
	Append(ctx context.Context, entries []Entry) ([]Appended, error)
	// Enqueue takes the entries over without waiting for the disk. They are stored in order with all others, as a rule within
	// milliseconds; what a crash or a full disk ends before that is lost, and at most logged. It waits only for room.
	// The entries belong to the journal afterwards.
	Enqueue(ctx context.Context, entries []Entry) error
	// Claim waits until at least one delivery of the plugin is due and returns up to max of them, in order of arrival, save
	// that due retries take no more than half of the places while first attempts wait. A
	// claimed delivery is not returned again until it is settled; a claim is not durable, so after a restart what was
	// claimed is due again. A delivery with an OrderKey is not due while an earlier one of the same plugin and key is
	// unsettled. One goroutine claims for a plugin at a time.
	Claim(ctx context.Context, plugin string, max int) ([]Delivery, error)
	// Settle records what became of claimed deliveries, durably when it returns nil. A settlement of what is not claimed
	// is left out and reported as ErrNotFound; the others are stored. After any other error, and unless ctx ended, the
	// deliveries are still claimed and may be settled again.
	Settle(ctx context.Context, results []Settlement) error
	// Ready returns nil while Append takes events, and otherwise the error that Append would return: ErrFull, ErrClosed or
	// that of a disk that cannot be written. It may write to find out whether such a disk works again.
	Ready(ctx context.Context) error
	// Close waits for writes under way, ends waiting claims with ErrClosed and releases the store. Closing again is no error.
	Close() error
}

// Entry is one event with the deliveries it causes.
type Entry struct {
	Source, ID, Type, Subject string
	Received                  time.Time
	// Envelope is the encoded pointsman.v1.Envelope.
	Envelope []byte
	// Keys recognise duplicates: the entry is one when any (Source, Key.Value) was stored within the key's window. None:
	// never a duplicate.
	Keys []Key
	// Quarantine says why an authentic event could not be decoded. Such an entry has no deliveries.
	Quarantine string
	// Deliveries is empty for an event that no rule wanted.
	Deliveries []NewDelivery
}

// Key is a dedupe key of an event within its source.
type Key struct {
	Value string
	// Window is how long the key is remembered, rounded up to the second; 0 means the engine's default (24 h).
	Window time.Duration
}

// NewDelivery is a delivery as a rule asks for it. It is complete: nothing about it depends on the configuration any more.
type NewDelivery struct {
	Rule, Plugin string
	// Arguments is a JSON object.
	Arguments []byte
	// OrderKey keeps deliveries of one plugin with the same key in order of arrival, one at a time. Empty: no order.
	OrderKey string
	Policy   Policy
	// Dead, when not empty, makes the delivery a dead letter from birth, with ReasonRuleError and this text.
	Dead string
}

// Appended is what became of one entry.
type Appended struct {
	// Seq is the event's number in the journal; of the first one when Duplicate is set.
	Seq       int64
	Duplicate bool
}

// Delivery is one claimed delivery.
type Delivery struct {
	// Seq is the number by which it is settled.
	Seq int64
	// ID is the same over all attempts and unlike that of any delivery of any other journal.
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
	// Received is the event's, or when the delivery was last re-driven.
	Received time.Time
}

// Outcome is what one attempt came to.
type Outcome uint8

// Outcomes of an attempt.
const (
	// Done: delivered.
	Done Outcome = iota + 1
	// Retry: due again at Settlement.At.
	Retry
	// Dead: ended without success, kept as a dead letter.
	Dead
	// Release: not attempted, due again at once; the attempt is not counted.
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
	// Error is the last error, for Retry and Dead; Receipt the plugin's proof, for Done. For people, without secrets.
	Error, Receipt string
}
