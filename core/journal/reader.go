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
	// FindEvent is Event by the sender's id. It returns the newest such event of the source that is no replay. With an empty
	// source it looks in all sources, and returns ErrAmbiguous if several have the id.
	FindEvent(ctx context.Context, source, id string) (*EventRecord, error)
	// Delivery returns one delivery with its attempts, or ErrNotFound.
	Delivery(ctx context.Context, seq int64) (*DeliveryRecord, error)
	// DeliverySeq returns the Seq in a delivery id, or ErrNotFound if the id is not one of this journal's.
	DeliverySeq(id string) (int64, error)
	// Events lists newest first, without deliveries.
	Events(ctx context.Context, q EventQuery) (EventPage, error)
	// Deliveries lists newest first, without attempts. Dead letters are those of StateDead.
	Deliveries(ctx context.Context, q DeliveryQuery) (DeliveryPage, error)
}

// Operator changes stored records on behalf of an operator. With an error, its methods return how many they changed before.
type Operator interface {
	// Redrive makes dead letters due again at once, with attempts and age counted from now; their history stays. It returns
	// how many it changed: it skips deliveries that are not dead letters, and those with ReasonRuleError, which have no
	// arguments.
	Redrive(ctx context.Context, seqs []int64) (int, error)
	// Drop gives dead letters up: they become StateDropped and keep their reason until the retention of their event ends. It
	// returns how many it changed: it skips deliveries that are not dead letters.
	Drop(ctx context.Context, seqs []int64) (int, error)
	// Sweep deletes events whose retention has ended and returns their number. The engine also sweeps by itself.
	Sweep(ctx context.Context) (int, error)
}

// State is the state of an event or a delivery.
type State string

// States. An event is pending when any of its deliveries is, else dead when any is, else done; StateUnmatched and
// StateQuarantined are of events without deliveries, StateDropped of deliveries alone.
const (
	StatePending     State = "pending"
	StateDone        State = "done"
	StateDead        State = "dead"
	StateDropped     State = "dropped"
	StateUnmatched   State = "unmatched"
	StateQuarantined State = "quarantined"
)

// Stats describes the journal at one moment.
type Stats struct {
	// Events is how many are stored, Quarantined how many of them are quarantined.
	Events, Quarantined int64
	// Bytes is the live content of the store, Limit the cap at which Append returns ErrFull.
	Bytes, Limit int64
	// Generation is the highest one that has made a delivery in this journal.
	Generation int64
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
	// Rule and Plugin select events with such a delivery; both together, with one delivery that has both.
	Rule, Plugin string
	// TypePrefix is what the type begins with.
	TypePrefix string
	Span
	Page
}

// DeliveryQuery selects deliveries. Zero values select everything.
type DeliveryQuery struct {
	Plugin, Rule string
	// Source is the event's.
	Source string
	State  State
	// Reason is that of a dead letter; it implies StateDead.
	Reason string
	Span
	Page
}

// Span selects what was received at or after Since and before Until. A zero time is no bound.
type Span struct{ Since, Until time.Time }

// Page is a part of a list.
type Page struct {
	// Before is the Next of the previous page, 0 for the first page.
	Before int64
	// Limit is 100 when 0, and never more than 1000.
	Limit int
}

// EventPage is a part of a list of events. It may hold fewer than asked for, even none, although there are more, because an engine
// bounds the time of one search and the bytes of a page. Only Next marks the end.
type EventPage struct {
	Events []EventRecord
	// Next is the Before of the next page, 0 at the end of the list.
	Next int64
}

// DeliveryPage is a part of a list of deliveries, like EventPage.
type DeliveryPage struct {
	Deliveries []DeliveryRecord
	Next       int64
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
	// ReplayOf is the Seq of the event that this one repeats, 0 for none. That event may be deleted already.
	ReplayOf int64
	// Replays has the Seq of each event that repeats this one, and Deliveries its deliveries. Both are set by Event and FindEvent
	// only.
	Replays    []int64
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
	// Generation and Sensitive are those of NewDelivery; 0 and empty in journals of a version that did not record them.
	Generation int64
	Sensitive  string
	// Received is when the event was received, Due when a retry is due, Settled when the delivery became done, dead or dropped, and
	// Redriven when it was last re-driven. A time that does not apply is zero.
	Received, Due, Settled, Redriven time.Time
	// Reason and Error are those of a dead letter, dropped or not; Receipt is the plugin's proof that a delivery is done.
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
