package journal

import (
	"context"
	"time"
)

// Store is a complete storage engine: the data path, queries, and operator actions.
type Store interface {
	Journal
	Reader
	Operator
}

// Reader queries the journal. Its methods never delay the data path.
type Reader interface {
	// Stats is cheap enough to be called at every scrape.
	Stats(ctx context.Context) (Stats, error)
	// Event returns the event with its deliveries and their failed attempts, or ErrNotFound.
	Event(ctx context.Context, seq int64) (*EventRecord, error)
	// FindEvent is Event by the sender's id. It returns the newest such event of the source.
	FindEvent(ctx context.Context, source, id string) (*EventRecord, error)
	// Delivery returns one delivery with its attempts, or ErrNotFound.
	Delivery(ctx context.Context, seq int64) (*DeliveryRecord, error)
	// Events lists newest first, without deliveries.
	Events(ctx context.Context, q EventQuery) ([]EventRecord, error)
	// Deliveries lists newest first, without attempts. Dead letters are those of StateDead.
	Deliveries(ctx context.Context, q DeliveryQuery) ([]DeliveryRecord, error)
}

// Operator changes stored records on behalf of an operator.
type Operator interface {
	// Redrive makes dead letters due again at once, with attempts and age counted from now; their history stays. It returns
	// how many it changed: it skips deliveries that are not dead letters, and those with ReasonRuleError, which have no
	// arguments.
	Redrive(ctx context.Context, seqs []int64) (int, error)
	// Sweep deletes events whose retention has ended and returns their number. The engine also sweeps by itself.
	Sweep(ctx context.Context) (int, error)
}

// State is the state of an event or a delivery.
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
	// Plugins has every plugin with stored deliveries.
	Plugins map[string]PluginStats
}

// PluginStats is the part of Stats about one plugin.
type PluginStats struct {
	Pending, Dead int64
	// OldestPending and OldestDead are when the event of the oldest such delivery was received; zero if there is none.
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
	// Before is the Seq of the last record of the previous page, 0 for the first page.
	Before int64
	// Limit is 100 when 0, and never more than 1000.
	Limit int
}

// EventRecord is a stored event.
type EventRecord struct {
	Seq                       int64
	Source, ID, Type, Subject string
	Received                  time.Time
	Envelope                  []byte
	State                     State
	// Quarantine is the reason for StateQuarantined.
	Quarantine string
	// Deliveries is set by Event and FindEvent only.
	Deliveries []DeliveryRecord
}

// DeliveryRecord is a stored delivery.
type DeliveryRecord struct {
	Seq             int64
	ID              string
	Event           int64
	EventID, Source string
	Rule, Plugin    string
	State           State
	// Attempts counts all attempts, including those before a re-drive.
	Attempts  int
	OrderKey  string
	Arguments []byte
	Policy    Policy
	// Received is when the event was received, Due when a retry is due, Settled when the delivery became done or dead, and
	// Redriven when it was last re-driven. A time that does not apply is zero.
	Received, Due, Settled, Redriven time.Time
	// Reason and Error are those of a dead letter; Receipt is the plugin's proof that a delivery is done.
	Reason, Error, Receipt string
	// History has the failed attempts, oldest first: the first 10 and the last 90.
	History []Attempt
}

// Attempt is one failed attempt.
type Attempt struct {
	// Number counts from 1 over the delivery's whole life, re-drives included.
	Number  int
	At      time.Time
	Outcome Outcome
	Error   string
}
