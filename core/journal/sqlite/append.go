package sqlite

import (
	"context"
	"fmt"
	"time"
	"unsafe"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/pointsman/pointsman/core/journal"
)

// States as stored in the file.
const (
	statePending = iota
	stateDone
	stateDead
	stateDropped
)

const (
	// rowBytes estimates the size of an event or a delivery without its content.
	rowBytes = 64
	// Content beyond largeBytes goes to overflow pages, the last of which is partly empty.
	largeBytes = 2 << 10
)

// appendOp stores the entries of one call.
type appendOp struct {
	opBase
	j          *Journal
	entries    []journal.Entry
	keys       [][]entryKey // per entry
	result     []journal.Appended
	items      []*item // the pending deliveries
	dead       []*queue
	events     int
	durability journal.Durability
}

// newAppend prepares the entries, so that the writer need not. It returns an error if there is no room for them.
func (j *Journal) newAppend(entries []journal.Entry) (*appendOp, error) {
	o := &appendOp{j: j, entries: entries, keys: make([][]entryKey, len(entries))}
	for i := range entries {
		o.keys[i] = keysOf(&entries[i], j.o.DedupeWindow)
		o.bytes += entryBytes(&entries[i])
	}
	return o, j.space.admit(o.bytes)
}

// Append implements journal.Journal.
func (j *Journal) Append(ctx context.Context, d journal.Durability, entries []journal.Entry) ([]journal.Appended, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	start := time.Now()
	o, err := j.newAppend(entries)
	if err != nil {
		return nil, err
	}
	if o.durability = d; d == journal.Memory {
		return make([]journal.Appended, len(entries)), j.w.hand(context.WithoutCancel(ctx), ctx, o)
	}
	if err := j.w.do(ctx, o); err != nil {
		return nil, err
	}
	if m := j.o.Metrics; m != nil {
		m.append.Observe(time.Since(start).Seconds())
	}
	return o.result, nil
}

// entryBytes estimates how much an entry adds to the file, rather too much than too little.
func entryBytes(e *journal.Entry) int64 {
	n := rowBytes + len(e.Source) + len(e.ID) + len(e.Type) + len(e.Subject) + len(e.Quarantine) + len(e.Envelope)
	for i := range e.Deliveries {
		d := &e.Deliveries[i]
		n += rowBytes + len(d.Arguments) + len(d.OrderKey) + len(d.Dead)
	}
	if n > largeBytes {
		n += 8 << 10
	}
	return int64(n)
}

// write stores the entries that are not duplicates, in the current transaction. commitGroup may call it twice, so it resets its
// results.
func (o *appendOp) write(t *tx) error {
	if err := o.j.space.admit(t.bytes + o.bytes); err != nil {
		return refused{err}
	}
	o.result, o.items, o.dead, o.events = make([]journal.Appended, len(o.entries)), o.items[:0], o.dead[:0], 0
	for i := range o.entries {
		first, seen, err := o.j.seen.lookup(t, o.keys[i])
		if err != nil {
			return err
		}
		if seen {
			o.result[i] = journal.Appended{Seq: first, Duplicate: true}
			continue
		}
		if err := o.insert(t, i); err != nil {
			return err
		}
	}
	t.bytes += o.bytes
	return nil
}

// insert stores one entry that is not a duplicate.
func (o *appendOp) insert(t *tx, i int) error {
	e := &o.entries[i]
	t.event++
	s := t.w.s.insertEvent
	s.BindInt64(1, t.event)
	s.BindInt64(2, t.delivery+1)
	s.BindInt64(3, int64(len(e.Deliveries)))
	s.BindInt64(4, e.Received.UnixNano())
	s.BindText(5, e.Source)
	s.BindText(6, e.ID)
	s.BindText(7, e.Type)
	s.BindText(8, e.Subject)
	s.BindBytes(9, e.Envelope)
	if err := step(s); err != nil {
		return err
	}
	source, err := t.w.source(e.Source)
	if err != nil {
		return err
	}
	m := mark{event: t.event, received: e.Received.UnixNano(), term: sourceTerm(source)}
	t.marks = append(t.marks, m)
	if len(e.Deliveries) == 0 && e.Quarantine == "" {
		m.term = unmatchedTerm
		t.marks = append(t.marks, m)
	}
	if e.Quarantine != "" {
		if err := execute(t.w.c, "INSERT INTO quarantine VALUES(?,?)", t.event, clip(e.Quarantine)); err != nil {
			return err
		}
	}
	if e.ReplayOf != 0 {
		if err := execute(t.w.c, "INSERT INTO replay VALUES(?,?)", t.event, e.ReplayOf); err != nil {
			return err
		}
	}
	for k := range e.Deliveries {
		if err := o.insertDelivery(t, e, &e.Deliveries[k]); err != nil {
			return err
		}
	}
	t.learn(o.keys[i], t.event)
	o.result[i].Seq = t.event
	o.events++
	return nil
}

// insertDelivery stores one delivery. A dead letter is counted but never enters a queue.
func (o *appendOp) insertDelivery(t *tx, e *journal.Entry, d *journal.NewDelivery) error {
	plugin, err := t.w.plugin(d.Plugin)
	if err != nil {
		return err
	}
	q := o.j.queue(d.Plugin)
	dispatch, err := t.w.dispatch(d)
	if err != nil {
		return err
	}
	t.marks = append(t.marks, mark{event: t.event, received: e.Received.UnixNano(), term: dispatchTerm(dispatch)})
	t.delivery++
	s := t.w.s.insertDelivery
	s.BindInt64(1, t.delivery)
	s.BindInt64(2, t.event)
	s.BindInt64(3, plugin)
	s.BindInt64(4, dispatch)
	bindText(s, 6, d.OrderKey)
	s.BindText(7, unsafeString(d.Arguments)) // BindText copies
	if d.Dead != "" {
		s.BindInt64(5, stateDead)
		s.BindInt64(8, t.now)
		if err := step(s); err != nil {
			return err
		}
		o.dead = append(o.dead, q)
		return t.insertDead(t.delivery, journal.ReasonRuleError, d.Dead)
	}
	s.BindInt64(5, statePending)
	s.BindNull(8)
	o.items = append(o.items, &item{
		q: q,
		d: journal.Delivery{
			Seq: t.delivery, Event: t.event, EventID: e.ID, Source: e.Source, Rule: d.Rule, Plugin: d.Plugin,
			Envelope: e.Envelope, Arguments: d.Arguments, OrderKey: d.OrderKey, Policy: d.Policy, Received: e.Received,
		},
	})
	return step(s)
}

// committed makes the deliveries claimable.
func (o *appendOp) committed() {
	for _, it := range o.items {
		it.size = itemBytes(&it.d)
		it.q.arrive(it, o.j.keep(it.size))
	}
	for _, q := range o.dead {
		q.dead.Add(1)
	}
	o.j.space.events.Add(int64(o.events))
}

func (o *appendOp) failed() {
	if o.durability == journal.Memory { // no caller waits for the error
		o.j.o.Log.Error("events of a source with durability memory are lost: they could not be stored", "events", len(o.entries))
	}
}

// keep reports whether a payload of n bytes may stay in memory, and counts it if so.
func (j *Journal) keep(n int64) bool {
	if j.cached.Add(n) <= j.o.tuning.cacheBytes {
		return true
	}
	j.cached.Add(-n)
	return false
}

// unsafeString returns b as a string without a copy. The callee must copy it.
func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// dispatchKey identifies a row of table dispatch: what all deliveries of one dispatch block share.
type dispatchKey struct {
	plugin, rule string
	policy       journal.Policy
	generation   int64
	sensitive    string
}

// dispatch returns the number of a delivery's row in table dispatch, which it inserts if needed.
func (w *writer) dispatch(d *journal.NewDelivery) (int64, error) {
	key := dispatchKey{d.Plugin, d.Rule, d.Policy, d.Generation, d.Sensitive}
	if id, ok := w.dispatches[key]; ok {
		return id, nil
	}
	p := d.Policy
	args := []any{d.Plugin, d.Rule, p.MaxAttempts, int64(p.MaxAge), int64(p.MinBackoff), int64(p.MaxBackoff), int64(p.Timeout), d.Generation, d.Sensitive}
	id, err := w.intern(args, `SELECT id FROM dispatch WHERE plugin=? AND rule=? AND max_attempts=? AND max_age=? AND min_backoff=?
		AND max_backoff=? AND timeout=? AND generation=? AND sensitive=?`, "INSERT INTO dispatch VALUES(NULL,?,?,?,?,?,?,?,?,?)")
	if err != nil {
		return 0, fmt.Errorf("store dispatch of rule %q: %w", d.Rule, err)
	}
	if len(w.dispatches) > 10_000 {
		w.forgetDispatches()
	}
	w.dispatches[key] = id
	return id, nil
}

// forgetDispatches makes the writer look for rows of table dispatch again. deleteDispatches counts on it.
func (w *writer) forgetDispatches() {
	clear(w.dispatches)
	w.forgotten++
}

// plugin returns the number of the plugin's row, which it inserts if needed.
func (w *writer) plugin(name string) (int64, error) { return w.named(w.plugins, "plugin", name) }

// source is the same for sources.
func (w *writer) source(name string) (int64, error) { return w.named(w.sources, "source", name) }

// named returns the number of the row with the name in a table, which it inserts if needed. known has those it returned before.
func (w *writer) named(known map[string]int64, table, name string) (int64, error) {
	if id, ok := known[name]; ok {
		return id, nil
	}
	id, err := w.intern([]any{name}, "SELECT id FROM "+table+" WHERE name=?", "INSERT INTO "+table+" VALUES(NULL,?)")
	if err != nil {
		return 0, fmt.Errorf("store %s %q: %w", table, name, err)
	}
	known[name] = id
	return id, nil
}

// intern returns the id of the row that the query selects, or inserts the row.
func (w *writer) intern(args []any, query, insert string) (int64, error) {
	id := int64(0)
	err := sqlitex.Execute(w.c, query, &sqlitex.ExecOptions{Args: args, ResultFunc: func(s *sqlite.Stmt) error {
		id = s.ColumnInt64(0)
		return nil
	}})
	if err != nil || id != 0 {
		return id, err
	}
	err = sqlitex.Execute(w.c, insert, &sqlitex.ExecOptions{Args: args})
	return w.c.LastInsertRowID(), err
}
