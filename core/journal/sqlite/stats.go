package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

// Stats implements journal.Reader. It counts nothing in the file that the journal has counted in memory.
func (j *Journal) Stats(ctx context.Context) (st journal.Stats, err error) {
	err = j.ask(ctx, "read the journal's state", func(c *sqlite.Conn) error {
		st, err = readStats(c)
		return err
	})
	st.Events, st.Bytes, st.Limit = j.space.events.Load(), j.space.used.Load(), j.space.limit.Load()
	for name, p := range st.Plugins {
		q := j.queue(name)
		p.Pending, p.Dead = q.pending.Load(), q.dead.Load()
		st.Plugins[name] = p
	}
	return st, err
}

// readStats reads what needs no counting of many rows.
func readStats(c *sqlite.Conn) (journal.Stats, error) {
	st := journal.Stats{Plugins: make(map[string]journal.PluginStats)}
	err := query(c, "SELECT (SELECT count(*) FROM quarantine), (SELECT ifnull(max(generation), 0) FROM dispatch)", func(s *sqlite.Stmt) error {
		st.Quarantined, st.Generation = s.ColumnInt64(0), s.ColumnInt64(1)
		return nil
	})
	if err != nil {
		return st, err
	}
	return st, query(c, `SELECT name,
		(SELECT received FROM event WHERE seq = (SELECT event FROM delivery WHERE seq =
			(SELECT min(seq) FROM delivery WHERE plugin = p.id AND state = 0))),
		(SELECT received FROM event WHERE seq = (SELECT event FROM delivery WHERE seq =
			(SELECT min(delivery) FROM dead WHERE plugin = p.id))) FROM plugin p`,
		func(s *sqlite.Stmt) error {
			st.Plugins[s.ColumnText(0)] = journal.PluginStats{OldestPending: columnTime(s, 1), OldestDead: columnTime(s, 2)}
			return nil
		})
}

// numbers are the last numbers of events and deliveries, and how many events are stored.
type numbers struct{ event, delivery, stored int64 }

// readNumbers also returns the journal's id.
func readNumbers(c *sqlite.Conn) (id string, n numbers, err error) {
	err = query(c, `SELECT id, max(last_event, ifnull((SELECT max(seq) FROM event), 0)),
		max(last_delivery, ifnull((SELECT max(seq) FROM delivery), 0)), swept FROM journal`, func(s *sqlite.Stmt) error {
		id = s.ColumnText(0)
		n = numbers{event: s.ColumnInt64(1), delivery: s.ColumnInt64(2), stored: s.ColumnInt64(1) - s.ColumnInt64(3)}
		return nil
	})
	return id, n, err
}

// backlog counts the pending deliveries and dead letters of a plugin.
type backlog struct {
	plugin        string
	pending, dead int64
	last          int64 // pending delivery
}

func readBacklogs(c *sqlite.Conn) (all []backlog, err error) {
	err = query(c, `SELECT name,
		(SELECT count(*) FROM delivery WHERE plugin = p.id AND state = 0),
		(SELECT count(*) FROM dead WHERE plugin = p.id),
		(SELECT ifnull(max(seq), 0) FROM delivery WHERE plugin = p.id AND state = 0) FROM plugin p`, func(s *sqlite.Stmt) error {
		all = append(all, backlog{s.ColumnText(0), s.ColumnInt64(1), s.ColumnInt64(2), s.ColumnInt64(3)})
		return nil
	})
	return all, err
}
