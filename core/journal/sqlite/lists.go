package sqlite

import (
	"context"
	"fmt"
	"math"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

// Events implements journal.Reader.
func (r *queries) Events(ctx context.Context, q journal.EventQuery) (page journal.EventPage, err error) {
	switch q.State {
	case "", journal.StatePending, journal.StateDone, journal.StateDead, journal.StateUnmatched, journal.StateQuarantined:
	default:
		return page, fmt.Errorf("list events: an event cannot be %s", q.State)
	}
	err = r.ask(ctx, "list events", func(c *sqlite.Conn) error {
		s, err := newSearch(c, q.Before, r.searchTime)
		if err != nil {
			return err
		}
		possible, err := s.addBlocks(c, q.Source, q.Rule, q.Plugin, q.State == journal.StateUnmatched, q.Span)
		if err != nil || !possible {
			return err
		}
		if err := s.addState(c, q.State, "", ""); err != nil {
			return err
		}
		page, err = listEvents(c, s, q)
		return err
	})
	return page, err
}

// matchingEvent selects the event ?1 if it satisfies an EventQuery.
const matchingEvent = eventColumns + `WHERE e.seq = ?1 AND ?2 IN ('', e.source) AND substr(e.type, 1, length(?3)) = ?3
	AND e.received >= ?4 AND e.received < ?5 AND (?6 = '' AND ?7 = '' OR EXISTS(SELECT 1 FROM delivery d JOIN dispatch x ON x.id = d.dispatch
		WHERE d.seq >= e.first AND d.seq < e.first + e.deliveries AND ?6 IN ('', x.rule) AND ?7 IN ('', x.plugin)))
	AND ?8 IN ('', v.state)`

// listEvents makes a page of the events that s visits.
func listEvents(c *sqlite.Conn, s *search, q journal.EventQuery) (page journal.EventPage, err error) {
	since, until := spanNanos(q.Span)
	size, most := 0, limit(q.Page)
	more := false
	err = s.run(func(event int64) (bool, error) {
		err := query(c, matchingEvent, func(row *sqlite.Stmt) error {
			if more = len(page.Events) == most || size > pageBytes; !more {
				e := readEvent(row)
				page.Events, size = append(page.Events, e), size+len(e.Envelope)
			}
			return nil
		}, event, q.Source, q.TypePrefix, since, until, q.Rule, q.Plugin, string(q.State))
		return !more, err
	})
	switch {
	case more:
		page.Next = page.Events[len(page.Events)-1].Seq
	case !s.over():
		page.Next = s.next
	}
	return page, err
}

// Deliveries implements journal.Reader.
func (r *queries) Deliveries(ctx context.Context, q journal.DeliveryQuery) (page journal.DeliveryPage, err error) {
	switch q.State {
	case "", journal.StatePending, journal.StateDone, journal.StateDead, journal.StateDropped:
	default:
		return page, fmt.Errorf("list deliveries: a delivery cannot be %s", q.State)
	}
	if q.Reason != "" && q.State == "" {
		q.State = journal.StateDead
	}
	err = r.ask(ctx, "list deliveries", func(c *sqlite.Conn) error {
		before, err := eventOfDelivery(c, q.Before)
		if err != nil {
			return err
		}
		s, err := newSearch(c, before, r.searchTime)
		if err != nil {
			return err
		}
		possible, err := s.addBlocks(c, q.Source, q.Rule, q.Plugin, false, q.Span)
		if err != nil || !possible {
			return err
		}
		if err := s.addState(c, q.State, q.Plugin, q.Reason); err != nil {
			return err
		}
		page, err = r.listDeliveries(c, s, q)
		return err
	})
	return page, err
}

// eventOfDelivery returns the number after the event of the last delivery before the given one, 0 for 0.
func eventOfDelivery(c *sqlite.Conn, before int64) (event int64, err error) {
	if before == 0 {
		return 0, nil
	}
	event = 1
	err = query(c, "SELECT event + 1 FROM delivery WHERE seq < ? ORDER BY seq DESC LIMIT 1", func(s *sqlite.Stmt) error {
		event = s.ColumnInt64(0)
		return nil
	}, before)
	return event, err
}

// matchingDeliveries selects the deliveries of the event ?1 that satisfy a DeliveryQuery.
const matchingDeliveries = deliveryColumns + `WHERE d.seq >= (SELECT first FROM event WHERE seq = ?1) AND d.seq < min((SELECT first + deliveries FROM event WHERE seq = ?1), ?2)
	AND ?3 IN ('', e.source) AND ?4 IN ('', x.rule) AND ?5 IN ('', x.plugin) AND ?6 IN (-1, d.state)
	AND ?7 IN ('', z.reason, y.reason) AND e.received >= ?8 AND e.received < ?9 ORDER BY d.seq DESC`

// listDeliveries makes a page of the deliveries of the events that s visits.
func (r *queries) listDeliveries(c *sqlite.Conn, s *search, q journal.DeliveryQuery) (page journal.DeliveryPage, err error) {
	since, until := spanNanos(q.Span)
	before := q.Before
	if before == 0 {
		before = math.MaxInt64
	}
	state := -1
	for i, name := range stateNames {
		if name == q.State {
			state = i
		}
	}
	size, most := 0, limit(q.Page)
	more := false
	err = s.run(func(event int64) (bool, error) {
		err := query(c, matchingDeliveries, func(row *sqlite.Stmt) error {
			if more = more || len(page.Deliveries) == most || size > pageBytes; !more {
				d := r.readDelivery(row)
				page.Deliveries, size = append(page.Deliveries, d), size+len(d.Arguments)
			}
			return nil
		}, event, before, q.Source, q.Rule, q.Plugin, state, q.Reason, since, until)
		return !more, err
	})
	switch {
	case err != nil:
	case more:
		page.Next = page.Deliveries[len(page.Deliveries)-1].Seq
	case !s.over():
		// The deliveries of the events that are left come before this one.
		err = query(c, "SELECT first + deliveries FROM event WHERE seq < ? ORDER BY seq DESC LIMIT 1", func(row *sqlite.Stmt) error {
			page.Next = row.ColumnInt64(0)
			return nil
		}, s.next)
	}
	return page, err
}

func limit(p journal.Page) int {
	if p.Limit <= 0 {
		return 100
	}
	return min(p.Limit, 1000)
}

// spanNanos returns the bounds of a span in nanoseconds since 1970.
func spanNanos(s journal.Span) (since, until int64) {
	nanos := func(t time.Time, open int64) int64 {
		if t.IsZero() {
			return open
		}
		return t.UnixNano()
	}
	return nanos(s.Since, math.MinInt64), nanos(s.Until, math.MaxInt64)
}
