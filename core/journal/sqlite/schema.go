package sqlite

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"os"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// applicationID marks a file as a journal ("PTSM"), so that the database of another program is never changed.
const applicationID = 0x5054534d

// migrations bring a file from version i to i+1. Only append to the list: every version reads the files of all earlier ones.
var migrations = []string{schema1, schema2}

// schema1 has a row for each event and each delivery, both numbered in order of arrival. An event's deliveries have consecutive
// numbers from event.first on, so that no index is needed to find them. Rare records have tables of their own, and the only index
// that every event updates holds only pending deliveries. Times are nanoseconds since 1970.
const schema1 = `
CREATE TABLE journal(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  id TEXT NOT NULL,
  last_event INTEGER NOT NULL, last_delivery INTEGER NOT NULL, -- as of the last sweep: numbers are never used again
  swept INTEGER NOT NULL                                       -- how many events were ever deleted
);
CREATE TABLE event(
  seq INTEGER PRIMARY KEY,
  first INTEGER NOT NULL, deliveries INTEGER NOT NULL,
  received INTEGER NOT NULL,
  source TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, subject TEXT NOT NULL,
  envelope BLOB NOT NULL
);
CREATE TABLE quarantine(event INTEGER PRIMARY KEY, reason TEXT NOT NULL);
CREATE TABLE plugin(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE dispatch( -- a dispatch block as it was when its deliveries were written
  id INTEGER PRIMARY KEY, plugin TEXT NOT NULL, rule TEXT NOT NULL,
  max_attempts INTEGER NOT NULL, max_age INTEGER NOT NULL,
  min_backoff INTEGER NOT NULL, max_backoff INTEGER NOT NULL, timeout INTEGER NOT NULL,
  UNIQUE(plugin, rule, max_attempts, max_age, min_backoff, max_backoff, timeout)
);
CREATE TABLE delivery(
  seq INTEGER PRIMARY KEY,
  event INTEGER NOT NULL, plugin INTEGER NOT NULL, dispatch INTEGER NOT NULL,
  state INTEGER NOT NULL,    -- 0 pending, 1 done, 2 dead
  attempts INTEGER NOT NULL, -- since it was last redriven
  due INTEGER NOT NULL,      -- 0: never tried
  order_key TEXT, arguments TEXT NOT NULL,
  settled INTEGER, receipt TEXT,
  prior INTEGER, redriven INTEGER -- attempts before it was last redriven, and when
);
CREATE INDEX delivery_pending ON delivery(plugin, seq) WHERE state = 0;
CREATE TABLE dead(delivery INTEGER PRIMARY KEY, plugin INTEGER NOT NULL, reason TEXT NOT NULL, error TEXT NOT NULL);
CREATE INDEX dead_plugin ON dead(plugin, delivery);
CREATE TABLE attempt( -- that failed
  delivery INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, outcome INTEGER NOT NULL, error TEXT NOT NULL,
  PRIMARY KEY(delivery, number)
) WITHOUT ROWID;
CREATE TABLE seen_tail(id INTEGER PRIMARY KEY, entries BLOB NOT NULL);
CREATE TABLE seen_run(id INTEGER PRIMARY KEY, bits INTEGER NOT NULL, last_event INTEGER NOT NULL, expires INTEGER NOT NULL, filter BLOB NOT NULL);
CREATE TABLE seen_chunk(id INTEGER PRIMARY KEY, entries BLOB NOT NULL); -- id: run << 20 | leading bits of the hash

CREATE VIEW events AS SELECT
  e.seq, e.source, e.id, e.type, e.subject,
  strftime('%Y-%m-%dT%H:%M:%fZ', e.received / 1e9, 'unixepoch') AS received,
  CASE WHEN q.event IS NOT NULL THEN 'quarantined' WHEN e.deliveries = 0 THEN 'unmatched'
    ELSE (SELECT CASE WHEN min(d.state) = 0 THEN 'pending' WHEN max(d.state) = 2 THEN 'dead' ELSE 'done' END
      FROM delivery d WHERE d.seq >= e.first AND d.seq < e.first + e.deliveries) END AS state,
  e.deliveries, q.reason AS quarantine, length(e.envelope) AS envelope_bytes
FROM event e LEFT JOIN quarantine q ON q.event = e.seq;
CREATE VIEW deliveries AS SELECT
  d.seq, j.id || '-' || d.seq AS id, d.event, e.source, e.id AS event_id, e.type, x.plugin, x.rule,
  CASE d.state WHEN 0 THEN 'pending' WHEN 1 THEN 'done' ELSE 'dead' END AS state,
  d.attempts + ifnull(d.prior, 0) AS attempts,
  strftime('%Y-%m-%dT%H:%M:%fZ', e.received / 1e9, 'unixepoch') AS received,
  CASE WHEN d.state = 0 AND d.due > 1 THEN strftime('%Y-%m-%dT%H:%M:%fZ', d.due / 1e9, 'unixepoch') END AS due,
  strftime('%Y-%m-%dT%H:%M:%fZ', d.settled / 1e9, 'unixepoch') AS settled,
  d.order_key, d.arguments, z.reason, z.error, d.receipt
FROM delivery d JOIN event e ON e.seq = d.event JOIN dispatch x ON x.id = d.dispatch LEFT JOIN dead z ON z.delivery = d.seq, journal j;
CREATE VIEW attempts AS SELECT
  a.delivery, a.number, strftime('%Y-%m-%dT%H:%M:%fZ', a.at / 1e9, 'unixepoch') AS at,
  CASE a.outcome WHEN 2 THEN 'retry' ELSE 'dead' END AS outcome, a.error
FROM attempt a;
`

// schema2 records with each dispatch block its generation and its sensitive arguments. It has tables for replays, for dead letters
// that were dropped (delivery.state is 3), and for what lists look up.
const schema2 = `
DROP VIEW deliveries;
DROP VIEW events;
CREATE TABLE dispatch2(
  id INTEGER PRIMARY KEY, plugin TEXT NOT NULL, rule TEXT NOT NULL,
  max_attempts INTEGER NOT NULL, max_age INTEGER NOT NULL,
  min_backoff INTEGER NOT NULL, max_backoff INTEGER NOT NULL, timeout INTEGER NOT NULL,
  generation INTEGER NOT NULL, sensitive TEXT NOT NULL,
  UNIQUE(plugin, rule, max_attempts, max_age, min_backoff, max_backoff, timeout, generation, sensitive)
);
INSERT INTO dispatch2 SELECT *, 0, '' FROM dispatch;
DROP TABLE dispatch;
ALTER TABLE dispatch2 RENAME TO dispatch;
CREATE TABLE replay(event INTEGER PRIMARY KEY, original INTEGER NOT NULL);
CREATE INDEX replay_original ON replay(original);
CREATE TABLE dropped(delivery INTEGER PRIMARY KEY, reason TEXT NOT NULL, error TEXT NOT NULL);
CREATE INDEX dead_reason ON dead(reason, delivery);
CREATE TABLE source(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO source(name) SELECT DISTINCT source FROM event;
CREATE TABLE block( -- 1,024 events, from the number id << 10 on; see block.go
  id INTEGER PRIMARY KEY,
  oldest INTEGER NOT NULL, newest INTEGER NOT NULL, -- when they were received
  terms BLOB NOT NULL
);

CREATE VIEW events AS SELECT
  e.seq, e.source, e.id, e.type, e.subject,
  strftime('%Y-%m-%dT%H:%M:%fZ', e.received / 1e9, 'unixepoch') AS received,
  CASE WHEN q.event IS NOT NULL THEN 'quarantined' WHEN e.deliveries = 0 THEN 'unmatched'
    ELSE (SELECT CASE WHEN min(d.state) = 0 THEN 'pending' WHEN max(d.state = 2) THEN 'dead' ELSE 'done' END
      FROM delivery d WHERE d.seq >= e.first AND d.seq < e.first + e.deliveries) END AS state,
  e.deliveries, q.reason AS quarantine, r.original AS replay_of, length(e.envelope) AS envelope_bytes
FROM event e LEFT JOIN quarantine q ON q.event = e.seq LEFT JOIN replay r ON r.event = e.seq;
CREATE VIEW deliveries AS SELECT
  d.seq, j.id || '-' || d.seq AS id, d.event, e.source, e.id AS event_id, e.type, x.plugin, x.rule, x.generation,
  CASE d.state WHEN 0 THEN 'pending' WHEN 1 THEN 'done' WHEN 2 THEN 'dead' ELSE 'dropped' END AS state,
  d.attempts + ifnull(d.prior, 0) AS attempts,
  strftime('%Y-%m-%dT%H:%M:%fZ', e.received / 1e9, 'unixepoch') AS received,
  CASE WHEN d.state = 0 AND d.due > 1 THEN strftime('%Y-%m-%dT%H:%M:%fZ', d.due / 1e9, 'unixepoch') END AS due,
  strftime('%Y-%m-%dT%H:%M:%fZ', d.settled / 1e9, 'unixepoch') AS settled,
  d.order_key, d.arguments, x.sensitive, ifnull(z.reason, y.reason) AS reason, ifnull(z.error, y.error) AS error, d.receipt
FROM delivery d JOIN event e ON e.seq = d.event JOIN dispatch x ON x.id = d.dispatch
  LEFT JOIN dead z ON z.delivery = d.seq LEFT JOIN dropped y ON y.delivery = d.seq, journal j;
`

// checkFile refuses a file that is not a journal, or was written by a newer version. It only reads.
func checkFile(path string) error {
	if st, err := os.Stat(path); err != nil || st.Size() == 0 {
		return nil // new; opening it for writing reports any other problem
	}
	c, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	if err != nil {
		return err
	}
	defer c.Close()
	app, err := pragma(c, "application_id")
	if err != nil {
		return err
	}
	version, err := pragma(c, "user_version")
	if err != nil {
		return err
	}
	switch {
	case app == 0 && version == 0 && isEmpty(c):
		return nil
	case app != applicationID:
		return errors.New("it is a database, but not a pointsman journal: give another path")
	case version > int64(len(migrations)):
		return fmt.Errorf("it was written by a newer version of pointsman (format %d, this program reads up to %d): run that version, or give another path; nothing was changed",
			version, len(migrations))
	}
	return nil
}

func isEmpty(c *sqlite.Conn) bool {
	n, err := sqlitex.ResultInt64(c.Prep("SELECT count(*) FROM sqlite_schema"))
	return err == nil && n == 0
}

// migrate brings the file to the newest version in one transaction.
func migrate(c *sqlite.Conn) (err error) {
	version, err := pragma(c, "user_version")
	if err != nil {
		return err
	}
	if version == int64(len(migrations)) {
		return nil
	}
	end, err := sqlitex.ImmediateTransaction(c)
	if err != nil {
		return err
	}
	defer end(&err)
	for v := version; v < int64(len(migrations)); v++ {
		if err := execAll(c, migrations[v]); err != nil {
			return fmt.Errorf("migrate to format %d: %w", v+1, err)
		}
	}
	if version == 0 {
		if err := sqlitex.Execute(c, "INSERT INTO journal VALUES(1, ?, 0, 0, 0)", &sqlitex.ExecOptions{Args: []any{newID()}}); err != nil {
			return err
		}
	}
	return execAll(c, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, len(migrations)))
}

// newID returns the name of a journal: 40 random bits that make the ids of its deliveries unique.
func newID() string {
	var b [5]byte
	rand.Read(b[:]) //nolint:errcheck // never fails
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// execAll runs statements without a transaction.
func execAll(c *sqlite.Conn, script string) error {
	for script = strings.TrimSpace(script); script != ""; script = strings.TrimSpace(script) {
		stmt, rest, err := c.PrepareTransient(script)
		if err != nil {
			return err
		}
		script = script[len(script)-rest:]
		for more := true; more && err == nil; {
			more, err = stmt.Step()
		}
		if ferr := stmt.Finalize(); err == nil {
			err = ferr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func pragma(c *sqlite.Conn, name string) (int64, error) {
	return sqlitex.ResultInt64(c.Prep("PRAGMA " + name))
}
