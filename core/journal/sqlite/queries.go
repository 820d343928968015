package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

// queries answers the questions of journal.Reader, except Stats, from a journal's file. Each question sees one state of the file.
type queries struct {
	conn       readConn
	id         string        // of the journal
	searchTime time.Duration // after which a list stops; see search
}

// ID returns the random name of this file, the first part of every delivery's id.
func (r *queries) ID() string { return r.id }

// ask runs f with the connection, in a transaction that only reads.
func (r *queries) ask(ctx context.Context, what string, f func(*sqlite.Conn) error) error {
	err := r.conn.do(ctx, func(c *sqlite.Conn) error {
		if err := execute(c, "BEGIN"); err != nil {
			return err
		}
		err := f(c)
		c.SetInterrupt(nil)
		if c.AutocommitEnabled() {
			return err
		}
		return errors.Join(err, execute(c, "ROLLBACK"))
	})
	if errors.Is(err, journal.ErrClosed) {
		return err
	}
	if err != nil {
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
func (r *queries) Event(ctx context.Context, seq int64) (*journal.EventRecord, error) {
	var e *journal.EventRecord
	err := r.ask(ctx, "read event", func(c *sqlite.Conn) (err error) {
		e, err = r.event(c, seq)
		return err
	})
	return e, err
}

// event reads an event with its replays, its deliveries and their failed attempts.
func (r *queries) event(c *sqlite.Conn, seq int64) (e *journal.EventRecord, err error) {
	err = query(c, eventColumns+"WHERE e.seq = ?", func(s *sqlite.Stmt) error {
		found := readEvent(s)
		e = &found
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
			e.Deliveries = append(e.Deliveries, r.readDelivery(s))
			return nil
		}, seq)
	for i := range e.Deliveries {
		if err == nil {
			err = readHistory(c, &e.Deliveries[i])
		}
	}
	return e, err
}

const deliveryColumns = `SELECT d.seq, d.event, e.id, e.source, x.rule, x.plugin, d.state, d.attempts + ifnull(d.prior, 0),
	ifnull(d.order_key, ''), d.arguments, e.received, d.due, ifnull(d.settled, 0), ifnull(d.redriven, 0),
	coalesce(z.reason, y.reason, ''), coalesce(z.error, y.error, ''), ifnull(d.receipt, ''),
	x.max_attempts, x.max_age, x.min_backoff, x.max_backoff, x.timeout, x.generation, x.sensitive
	FROM delivery d JOIN event e ON e.seq = d.event JOIN dispatch x ON x.id = d.dispatch
	LEFT JOIN dead z ON z.delivery = d.seq LEFT JOIN dropped y ON y.delivery = d.seq `

var stateNames = [...]journal.State{
	statePending: journal.StatePending, stateDone: journal.StateDone, stateDead: journal.StateDead, stateDropped: journal.StateDropped,
}

// readDelivery reads a row of the columns in deliveryColumns.
func (r *queries) readDelivery(s *sqlite.Stmt) journal.DeliveryRecord {
	d := journal.DeliveryRecord{
		Seq: s.ColumnInt64(0), ID: r.deliveryID(s.ColumnInt64(0)), Event: s.ColumnInt64(1), EventID: s.ColumnText(2), Source: s.ColumnText(3),
		Rule: s.ColumnText(4), Plugin: s.ColumnText(5), State: stateNames[s.ColumnInt64(6)], Attempts: s.ColumnInt(7), OrderKey: s.ColumnText(8),
		Arguments: columnBytes(s, 9), Received: columnTime(s, 10), Settled: columnTime(s, 12), Redriven: columnTime(s, 13),
		Reason: s.ColumnText(14), Error: s.ColumnText(15), Receipt: s.ColumnText(16), Policy: columnPolicy(s, 17),
		Generation: s.ColumnInt64(22), Sensitive: s.ColumnText(23),
	}
	if d.State == journal.StatePending && s.ColumnInt64(11) > 1 {
		d.Due = columnTime(s, 11)
	}
	return d
}

func readHistory(c *sqlite.Conn, d *journal.DeliveryRecord) error {
	return query(c, "SELECT number, at, outcome, error FROM attempt WHERE delivery = ? ORDER BY number", func(s *sqlite.Stmt) error {
		d.History = append(d.History, journal.Attempt{
			Number: s.ColumnInt(0), At: time.Unix(0, s.ColumnInt64(1)), Outcome: journal.Outcome(s.ColumnInt64(2)), Error: s.ColumnText(3),
		})
		return nil
	}, d.Seq)
}

// Delivery implements journal.Reader.
func (r *queries) Delivery(ctx context.Context, seq int64) (found *journal.DeliveryRecord, err error) {
	err = r.ask(ctx, "read delivery", func(c *sqlite.Conn) error {
		err := query(c, deliveryColumns+"WHERE d.seq = ?", func(s *sqlite.Stmt) error {
			d := r.readDelivery(s)
			found = &d
			return nil
		}, seq)
		if err != nil {
			return err
		}
		if found == nil {
			return fmt.Errorf("delivery %d: %w", seq, journal.ErrNotFound)
		}
		return readHistory(c, found)
	})
	return found, err
}

// DeliverySeq implements journal.Reader.
func (r *queries) DeliverySeq(id string) (int64, error) {
	number, ok := strings.CutPrefix(id, r.id+"-")
	seq, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || r.deliveryID(seq) != id {
		return 0, fmt.Errorf("delivery %q: %w", id, journal.ErrNotFound)
	}
	return seq, nil
}

// deliveryID is the same for all attempts and unique over all journals.
func (r *queries) deliveryID(seq int64) string {
	b := make([]byte, 0, len(r.id)+12)
	b = append(append(b, r.id...), '-')
	return string(strconv.AppendInt(b, seq, 10))
}
