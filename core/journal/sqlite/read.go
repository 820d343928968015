package sqlite

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/pointsman/pointsman/core/journal"
)

// Stats implements journal.Reader.
func (j *Journal) Stats(ctx context.Context) (journal.Stats, error) {
	st := journal.Stats{
		Events: j.space.events.Load(), Bytes: j.space.used.Load(), Limit: j.space.limit.Load(),
		Plugins: make(map[string]journal.PluginStats),
	}
	err := j.ask(ctx, "read the journal's state", func(c *sqlite.Conn) (err error) {
		if st.Quarantined, err = sqlitex.ResultInt64(c.Prep("SELECT count(*) FROM quarantine")); err != nil {
			return err
		}
		if st.Generation, err = sqlitex.ResultInt64(c.Prep("SELECT ifnull(max(generation), 0) FROM dispatch")); err != nil {
			return err
		}
		return query(c, `SELECT name,
			(SELECT received FROM event WHERE seq = (SELECT event FROM delivery WHERE seq =
				(SELECT min(seq) FROM delivery WHERE plugin = p.id AND state = 0))),
			(SELECT received FROM event WHERE seq = (SELECT event FROM delivery WHERE seq =
				(SELECT min(delivery) FROM dead WHERE plugin = p.id))) FROM plugin p`,
			func(s *sqlite.Stmt) error {
				q := j.queue(s.ColumnText(0))
				st.Plugins[q.plugin] = journal.PluginStats{
					Pending: q.pending.Load(), Dead: q.dead.Load(), OldestPending: columnTime(s, 1), OldestDead: columnTime(s, 2),
				}
				return nil
			})
	})
	return st, err
}

// ask runs f with the query connection.
func (j *Journal) ask(ctx context.Context, what string, f func(*sqlite.Conn) error) error {
	if err := j.ended(ctx); err != nil {
		return err
	}
	if err := j.queryConn.do(ctx, f); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

const eventColumns = `SELECT e.seq, e.source, e.id, e.type, e.subject, e.received, e.envelope, ifnull(v.quarantine, ''), v.state, ifnull(v.replay_of, 0)
	FROM event e JOIN events v ON v.seq = e.seq `

func readEvent(s *sqlite.Stmt) journal.EventRecord {
	return journal.EventRecord{
		Seq: s.ColumnInt64(0), Source: s.ColumnText(1), ID: s.ColumnText(2), Type: s.ColumnText(3), Subject: s.ColumnText(4),
		Received: columnTime(s, 5), Envelope: columnBytes(s, 6), Quarantine: s.ColumnText(7), State: journal.State(s.ColumnText(8)),
		ReplayOf: s.ColumnInt64(9),
	}
}

// Event implements journal.Reader.
func (j *Journal) Event(ctx context.Context, seq int64) (*journal.EventRecord, error) {
	var e *journal.EventRecord
	err := j.ask(ctx, "read event", func(c *sqlite.Conn) (err error) {
		e, err = j.event(c, seq)
		return err
	})
	return e, err
}

// event reads an event with its replays, its deliveries and their failed attempts.
func (j *Journal) event(c *sqlite.Conn, seq int64) (e *journal.EventRecord, err error) {
	err = query(c, eventColumns+"WHERE e.seq = ?", func(s *sqlite.Stmt) error {
		r := readEvent(s)
		e = &r
		return nil
	}, seq)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, fmt.Errorf("event %d: %w", seq, journal.ErrNotFound)
	}
	err = query(c, "SELECT event FROM replay WHERE original = ? ORDER BY event", func(s *sqlite.Stmt) error {
		e.Replays = append(e.Replays, s.ColumnInt64(0))
		return nil
	}, seq)
	if err != nil {
		return nil, err
	}
	err = query(c, deliveryColumns+"WHERE d.seq >= (SELECT first FROM event WHERE seq = ?1) AND d.event = ?1 AND d.seq < (SELECT first + deliveries FROM event WHERE seq = ?1)",
		func(s *sqlite.Stmt) error {
			e.Deliveries = append(e.Deliveries, j.readDelivery(s))
			return nil
		}, seq)
	for i := range e.Deliveries {
		if err == nil {
			err = readHistory(c, &e.Deliveries[i])
		}
	}
	return e, err
}

// FindEvent implements journal.Reader.
func (j *Journal) FindEvent(ctx context.Context, source, id string) (*journal.EventRecord, error) {
	var found *journal.EventRecord
	err := j.ask(ctx, "find event", func(c *sqlite.Conn) error {
		newest := int64(0)
		for _, kind := range []byte{kindKey, kindID} {
			seqs, err := j.seen.candidates(c, hashKey(kind, source, id))
			if err != nil {
				return err
			}
			for _, seq := range seqs {
				// A key may belong to an event with another id, and the event may be deleted.
				err := query(c, "SELECT seq FROM event WHERE seq = ? AND source = ? AND id = ?", func(s *sqlite.Stmt) error {
					newest = max(newest, s.ColumnInt64(0))
					return nil
				}, seq, source, id)
				if err != nil {
					return err
				}
			}
		}
		if newest == 0 {
			return fmt.Errorf("event %q of source %q: %w", id, source, journal.ErrNotFound)
		}
		var err error
		found, err = j.event(c, newest)
		return err
	})
	return found, err
}

// Events implements journal.Reader.
func (j *Journal) Events(ctx context.Context, q journal.EventQuery) (journal.EventPage, error) {
	var all []journal.EventRecord
	err := j.ask(ctx, "list events", func(c *sqlite.Conn) error {
		return query(c, eventColumns+`WHERE (?1 = 0 OR e.seq < ?1) AND (?2 = '' OR e.source = ?2) AND (?3 = '' OR v.state = ?3)
			ORDER BY e.seq DESC LIMIT ?4`, func(s *sqlite.Stmt) error {
			all = append(all, readEvent(s))
			return nil
		}, q.Before, q.Source, string(q.State), limit(q.Page))
	})
	page := journal.EventPage{Events: all}
	if len(all) == limit(q.Page) {
		page.Next = all[len(all)-1].Seq
	}
	return page, err
}

func limit(p journal.Page) int {
	if p.Limit <= 0 {
		return 100
	}
	return min(p.Limit, 1000)
}

const deliveryColumns = `SELECT d.seq, d.event, e.id, e.source, x.rule, x.plugin, d.state, d.attempts + ifnull(d.prior, 0),
	ifnull(d.order_key, ''), d.arguments, e.received, d.due, ifnull(d.settled, 0), ifnull(d.redriven, 0),
	coalesce(z.reason, y.reason, ''), coalesce(z.error, y.error, ''), ifnull(d.receipt, ''),
	x.max_attempts, x.max_age, x.min_backoff, x.max_backoff, x.timeout, x.generation, x.sensitive
	FROM delivery d JOIN event e ON e.seq = d.event JOIN dispatch x ON x.id = d.dispatch
	LEFT JOIN dead z ON z.delivery = d.seq LEFT JOIN dropped y ON y.delivery = d.seq `

// readDelivery reads a row of the columns in deliveryColumns.
func (j *Journal) readDelivery(s *sqlite.Stmt) journal.DeliveryRecord {
	states := [...]journal.State{
		statePending: journal.StatePending, stateDone: journal.StateDone, stateDead: journal.StateDead, stateDropped: journal.StateDropped,
	}
	r := journal.DeliveryRecord{
		Seq: s.ColumnInt64(0), ID: j.deliveryID(s.ColumnInt64(0)), Event: s.ColumnInt64(1), EventID: s.ColumnText(2), Source: s.ColumnText(3),
		Rule: s.ColumnText(4), Plugin: s.ColumnText(5), State: states[s.ColumnInt64(6)], Attempts: s.ColumnInt(7), OrderKey: s.ColumnText(8),
		Arguments: columnBytes(s, 9), Received: columnTime(s, 10), Settled: columnTime(s, 12), Redriven: columnTime(s, 13),
		Reason: s.ColumnText(14), Error: s.ColumnText(15), Receipt: s.ColumnText(16), Policy: columnPolicy(s, 17),
		Generation: s.ColumnInt64(22), Sensitive: s.ColumnText(23),
	}
	if r.State == journal.StatePending && s.ColumnInt64(11) > 1 {
		r.Due = columnTime(s, 11)
	}
	return r
}

func readHistory(c *sqlite.Conn, r *journal.DeliveryRecord) error {
	return query(c, "SELECT number, at, outcome, error FROM attempt WHERE delivery = ? ORDER BY number", func(s *sqlite.Stmt) error {
		r.History = append(r.History, journal.Attempt{
			Number: s.ColumnInt(0), At: time.Unix(0, s.ColumnInt64(1)), Outcome: journal.Outcome(s.ColumnInt64(2)), Error: s.ColumnText(3),
		})
		return nil
	}, r.Seq)
}

// Delivery implements journal.Reader.
func (j *Journal) Delivery(ctx context.Context, seq int64) (r *journal.DeliveryRecord, err error) {
	err = j.ask(ctx, "read delivery", func(c *sqlite.Conn) error {
		err := query(c, deliveryColumns+"WHERE d.seq = ?", func(s *sqlite.Stmt) error {
			d := j.readDelivery(s)
			r = &d
			return nil
		}, seq)
		if err != nil {
			return err
		}
		if r == nil {
			return fmt.Errorf("delivery %d: %w", seq, journal.ErrNotFound)
		}
		return readHistory(c, r)
	})
	return r, err
}

// Deliveries implements journal.Reader.
func (j *Journal) Deliveries(ctx context.Context, q journal.DeliveryQuery) (journal.DeliveryPage, error) {
	var all []journal.DeliveryRecord
	// With a literal state SQLite uses the partial index over pending deliveries.
	where := "WHERE "
	switch q.State {
	case "":
	case journal.StatePending:
		where += "d.state = 0 AND "
	case journal.StateDone:
		where += "d.state = 1 AND "
	case journal.StateDead:
		where += "d.seq IN (SELECT delivery FROM dead) AND "
	case journal.StateDropped:
		where += "d.seq IN (SELECT delivery FROM dropped) AND "
	default:
		return journal.DeliveryPage{}, fmt.Errorf("list deliveries: a delivery cannot be %s", q.State)
	}
	if q.Plugin != "" {
		where += "d.plugin = (SELECT id FROM plugin WHERE name = ?2) AND "
	}
	where += `(?1 = 0 OR d.seq < ?1) AND (?2 = '' OR x.plugin = ?2) AND (?3 = '' OR x.rule = ?3) ORDER BY d.seq DESC LIMIT ?4`
	err := j.ask(ctx, "list deliveries", func(c *sqlite.Conn) error {
		return query(c, deliveryColumns+where, func(s *sqlite.Stmt) error {
			all = append(all, j.readDelivery(s))
			return nil
		}, q.Before, q.Plugin, q.Rule, limit(q.Page))
	})
	page := journal.DeliveryPage{Deliveries: all}
	if len(all) == limit(q.Page) {
		page.Next = all[len(all)-1].Seq
	}
	return page, err
}

// DeliverySeq implements journal.Reader.
func (j *Journal) DeliverySeq(id string) (int64, error) {
	number, ok := strings.CutPrefix(id, j.id+"-")
	seq, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || j.deliveryID(seq) != id {
		return 0, fmt.Errorf("delivery %q: %w", id, journal.ErrNotFound)
	}
	return seq, nil
}
