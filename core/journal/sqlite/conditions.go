package sqlite

import (
	"errors"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

// afterLast is the number after the last delivery of the events up to ?1.
const afterLast = "(SELECT first + deliveries FROM event WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1)"

// withDelivery is a statement for a lookup of the last event up to ?1 that has a delivery in what from selects, by the column named.
func withDelivery(column, from string) string {
	return "SELECT event FROM delivery WHERE seq = (SELECT max(" + column + ") FROM " + from + " AND " + column + " < " + afterLast + ")"
}

// addState adds the condition for the state of an event or a delivery. plugin and reason may be empty.
func (s *search) addState(c *sqlite.Conn, state journal.State, plugin, reason string) error {
	var sql string
	var args []string
	switch state {
	case journal.StatePending:
		sql = `SELECT event FROM delivery WHERE seq = (SELECT max((SELECT max(seq) FROM delivery d
			WHERE d.state = 0 AND d.plugin = p.id AND d.seq < ` + afterLast + `)) FROM plugin p WHERE ?2 IN ('', p.name))`
		args = []string{plugin}
	case journal.StateDone:
		return s.addSettled(c)
	case journal.StateDead:
		switch {
		case reason != "":
			sql, args = withDelivery("delivery", "dead WHERE reason = ?2"), []string{reason}
		case plugin != "":
			sql, args = withDelivery("delivery", "dead WHERE plugin = (SELECT id FROM plugin WHERE name = ?2)"), []string{plugin}
		default:
			sql = withDelivery("delivery", "dead WHERE true")
		}
	case journal.StateDropped:
		sql = withDelivery("delivery", "dropped WHERE true")
	case journal.StateQuarantined:
		sql = "SELECT max(event) FROM quarantine WHERE event <= ?1"
	default: // those without, and unmatched: see addBlocks
		return nil
	}
	f, err := newLookup(c, sql, args...)
	s.conditions = append(s.conditions, f)
	return err
}

// blocksAtOnce is how many blocks a condition looks at before the search looks at the clock.
const blocksAtOnce = 32

// settled is the condition that an event has a delivery that is done or dropped, as an event that is done has. Nothing lists these, so
// it jumps over blocks of deliveries all of which are in the index of pending ones or in table dead.
type settled struct {
	after, event, open *sqlite.Stmt
	low, high          int64 // of deliveries from low to high one is done, dropped or deleted
}

func (s *search) addSettled(c *sqlite.Conn) (err error) {
	var f settled
	if f.after, err = c.Prepare("SELECT " + afterLast); err != nil {
		return err
	}
	if f.event, err = c.Prepare("SELECT event FROM delivery WHERE seq <= ? ORDER BY seq DESC LIMIT 1"); err != nil {
		return err
	}
	if f.open, err = c.Prepare(`SELECT (SELECT ifnull(sum((SELECT count(*) FROM delivery d WHERE d.state = 0 AND d.plugin = p.id AND d.seq BETWEEN ?1 AND ?2)), 0) FROM plugin p)
		+ (SELECT count(*) FROM dead WHERE delivery BETWEEN ?1 AND ?2)`); err != nil {
		return err
	}
	s.conditions = append(s.conditions, &f)
	return nil
}

func (f *settled) last(seq int64) (int64, error) {
	f.after.BindInt64(1, seq)
	after, err := intOf(f.after)
	last := after - 1
	for i := 0; err == nil && last > 0 && i < blocksAtOnce; i++ {
		if last >= f.low && last <= f.high {
			break
		}
		low := max(1, last-blockEvents+1)
		f.open.BindInt64(1, low)
		f.open.BindInt64(2, last)
		open, err := intOf(f.open)
		if err != nil {
			return 0, err
		}
		if open <= last-low {
			f.low, f.high = low, last
			break
		}
		last = low - 1
	}
	if err != nil || last <= 0 {
		return 0, err
	}
	f.event.BindInt64(1, last)
	event, err := intOf(f.event)
	return min(event, seq), err
}

// inBlocks is the condition that an event was received within the span and has a term of each group, by table block.
type inBlocks struct {
	row          *sqlite.Stmt
	since, until int64
	groups       []map[term]bool
	id           int64 // of the block read last, -1 before the first
	known        bool  // it has a row
	members      eventSet
}

// addBlocks adds the conditions for a source, a rule and a plugin, each if it is not empty, for events without deliveries, and for the
// time. It returns false if there cannot be such an event.
func (s *search) addBlocks(c *sqlite.Conn, source, rule, plugin string, unmatched bool, span journal.Span) (possible bool, err error) {
	f := &inBlocks{id: -1}
	f.since, f.until = spanNanos(span)
	if source != "" {
		err = f.addGroup(c, sourceTerm, "SELECT id FROM source WHERE name = ?", source)
	}
	if err == nil && (rule != "" || plugin != "") {
		err = f.addGroup(c, dispatchTerm, "SELECT id FROM dispatch WHERE ?1 IN ('', rule) AND ?2 IN ('', plugin)", rule, plugin)
	}
	if unmatched {
		f.groups = append(f.groups, map[term]bool{unmatchedTerm: true})
	}
	if err != nil || len(f.groups) == 0 && span == (journal.Span{}) {
		return true, err
	}
	for _, terms := range f.groups {
		if len(terms) == 0 {
			return false, nil
		}
	}
	f.row, err = c.Prepare("SELECT oldest < ?2 AND newest >= ?3, terms FROM block WHERE id = ?1")
	s.conditions = append(s.conditions, f)
	return true, err
}

// addGroup adds the terms with the ids that a query selects.
func (f *inBlocks) addGroup(c *sqlite.Conn, of func(id int64) term, sql string, args ...any) error {
	terms := make(map[term]bool)
	f.groups = append(f.groups, terms)
	return query(c, sql, func(s *sqlite.Stmt) error {
		terms[of(s.ColumnInt64(0))] = true
		return nil
	}, args...)
}

func (f *inBlocks) last(seq int64) (int64, error) {
	for i := 0; seq > 0 && i < blocksAtOnce; i++ {
		id := seq >> blockBits
		if err := f.read(id); err != nil {
			return 0, err
		}
		if !f.known {
			return seq, nil
		}
		if member := f.members.last(seq % blockEvents); member >= 0 {
			return id<<blockBits + member, nil
		}
		seq = id<<blockBits - 1
	}
	return max(seq, 0), nil
}

// read reads the block with the number id.
func (f *inBlocks) read(id int64) error {
	if id == f.id {
		return nil
	}
	f.id, f.known, f.members = id, false, eventSet{}
	f.row.BindInt64(1, id)
	f.row.BindInt64(2, f.until)
	f.row.BindInt64(3, f.since)
	row, err := f.row.Step()
	if err != nil || !row {
		return errors.Join(err, f.row.Reset())
	}
	f.known = true
	if f.row.ColumnBool(0) {
		f.members, err = selectEvents(columnBytes(f.row, 1), f.groups)
	}
	return errors.Join(err, f.row.Reset())
}

// selectEvents returns the events that have a term of each group.
func selectEvents(encoded []byte, groups []map[term]bool) (eventSet, error) {
	sets := make([]eventSet, len(groups))
	err := eachTerm(encoded, func(t term, members func() eventSet) {
		for i, terms := range groups {
			if terms[t] {
				set := members()
				sets[i].union(&set)
			}
		}
	})
	all := fullSet
	for i := range sets {
		all.intersect(&sets[i])
	}
	return all, err
}
