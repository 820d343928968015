package journal

import (
	"context"
	"time"
)

// Store is a whole engine: the data path, what is kept to be asked, and what an operator does to it.
type Store interface {
	Journal
	Reader
	Operator
}

// Reader answers questions about what the journal holds. Its methods never delay the data path.
type Reader interface {
	// Stats is cheap enough for every scrape.
	Stats(ctx context.Context) (Stats, error)
	// Event returns the event with its deliveries and their failed attempts: its timeline. ErrNotFound when there is none.
	Event(ctx context.Context, seq int64) (*EventRecord, error)
	// FindEvent is Event by the sender's id: the newest one of that source.
	FindEvent(ctx context.Context, source, id string) (*EventRecord, error)
	// Delivery returns one delivery with its attempts, or ErrNotFound.
	Delivery(ctx context.Context, seq int64) (*DeliveryRecord, error)
	// Events lists newest first, without deliveries.
	Events(ctx context.Context, q EventQuery) ([]EventRecord, error)
	// Deliveries lists newest first, without attempts. Dead letters are those of StateDead.
	Deliveries(ctx context.Context, q DeliveryQuery) ([]DeliveryRecord, error)
}

// Operator changes what is kept.
type Operator interface {
	// Redrive makes dead letters due again at once, with a fresh count of attempts and a fresh age; their history stays. It
	// returns how many it changed: what is not a dead letter is left as it is, and so is one with ReasonRuleError, which
	// has no arguments to be delivered with.
	Redrive(ctx context.Context, seqs []int64) (int, error)
	// Sweep deletes what retention no longer keeps and returns how many events went. The engine also does it on its own.
	Sweep(ctx context.Context) (int, error)
}

// State is where an event or a delivery stands.
type State string

// States. An event is pending when any of its deliveries is, else dead when any is, else done; StateUnmatched and
// StateQuarantined are of events without deliveries.
const (
	StatePending     State = "pending"
	StateDone        State = "done"
	StateDead        State = "dead"
	StateUnmatched   State = "unmatched"
	StateQuarantined State = "quarantined"
)

// Stats describes the journal at one moment.
type Stats struct {
	// Events is how many are stored, Quarantined how many of them are quarantined.
	Events, Quarantined int64
	// Bytes is the live content of the store, Limit the cap at which Append returns ErrFull.
	Bytes, Limit int64
	// Plugins has every plugin that the journal has ever had a delivery for and not yet forgotten.
	Plugins map[string]PluginStats
}

// PluginStats is the part of Stats about one plugin.
type PluginStats struct {
	Pending, Dead int64
	// OldestPending and OldestDead are when the event of the oldest such delivery was received; zero without one.
	OldestPending, OldestDead time.Time
}

// EventQuery selects events. Zero values select everything.
type EventQuery struct {
	Source string
	State  State
	Page
}

// DeliveryQuery selects deliveries. Zero values select everything.
type DeliveryQuery struct {
	Plugin, Rule string
	State        State
	Page
}

// Page is a part of a list.
type Page struct {
	// Before is the Seq of the last one seen, 0 for the first page.
	Before int64
	// Limit is 100 when 0, and never more than 1000.
	Limit int
}

// EventRecord is an event as it is kept.
type EventRecord struct {
	Seq                       int64
	Source, ID, Type, Subject string
	Received                  time.Time
	Envelope                  []byte
	State                     State
	// Quarantine is the reason of StateQuarantined.
	Quarantine string
	// Deliveries is only filled in by Event and FindEvent.
	Deliveries []DeliveryRecord
}

// DeliveryRecord is a delivery as it is kept.
type DeliveryRecord struct {
	Seq             int64
	ID              string
	Event           int64
	EventID, Source string
	Rule, Plugin    string
	State           State
	// Attempts counts all that were made, also those before a re-drive.
	Attempts  int
	OrderKey  string
	Arguments []byte
	Policy    Policy
	// Received is the event's; Due is when a retry is due; Settled when it became done or dead; Redriven when it was last
	// made due again by hand. Zero when it does not apply.
	Received, Due, Settled, Redriven time.Time
	// Reason and Error are those of a dead letter; Receipt is the plugin's proof that a delivery is done.
	Reason, Error, Receipt string
	// History has the attempts that failed, oldest first: the first 10 and the last 90 of them.
	History []Attempt
}

// Attempt is one try that did not succeed.
type Attempt struct {
	// Number counts from 1 over the delivery's whole life.
	Number  int
	At      time.Time
	Outcome Outcome
	Error   string
}
