package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"
)

// checkRows are what must hold between the rows of a journal. Each query counts those that are wrong.
var checkRows = []struct{ wrong, query string }{
	{
		"pending deliveries that the index of pending deliveries lacks, which `REINDEX` of the sqlite3 tool mends while the router is stopped",
		`SELECT count(*) FROM delivery d NOT INDEXED WHERE d.state = 0 AND NOT EXISTS(
			SELECT 1 FROM delivery i INDEXED BY delivery_pending WHERE i.state = 0 AND i.plugin = d.plugin AND i.seq = d.seq)`,
	},
	{
		"entries too many in the index of pending deliveries, which `REINDEX` of the sqlite3 tool mends while the router is stopped",
		`SELECT max(0, (SELECT count(*) FROM delivery INDEXED BY delivery_pending WHERE state = 0)
			- (SELECT count(*) FROM delivery NOT INDEXED WHERE state = 0))`,
	},
	{
		"dead letters without a reason",
		"SELECT count(*) FROM delivery d WHERE d.state = 2 AND NOT EXISTS(SELECT 1 FROM dead z WHERE z.delivery = d.seq AND z.plugin = d.plugin)",
	},
	{
		"reasons of dead letters that are none",
		"SELECT count(*) FROM dead z LEFT JOIN delivery d ON d.seq = z.delivery WHERE d.state IS NOT 2",
	},
	{
		"dropped dead letters without a reason",
		"SELECT count(*) FROM delivery d WHERE d.state = 3 AND NOT EXISTS(SELECT 1 FROM dropped y WHERE y.delivery = d.seq)",
	},
	{
		"reasons of dropped dead letters that are none",
		"SELECT count(*) FROM dropped y LEFT JOIN delivery d ON d.seq = y.delivery WHERE d.state IS NOT 3",
	},
	{
		"events that lack deliveries",
		`SELECT count(*) FROM event e WHERE e.deliveries <> (
			SELECT count(*) FROM delivery d WHERE d.seq >= e.first AND d.seq < e.first + e.deliveries AND d.event = e.seq)`,
	},
	{
		"deliveries without an event",
		"SELECT count(*) FROM delivery d WHERE NOT EXISTS(SELECT 1 FROM event e WHERE e.seq = d.event)",
	},
	{
		"deliveries without a dispatch block",
		"SELECT count(*) FROM delivery d WHERE NOT EXISTS(SELECT 1 FROM dispatch x WHERE x.id = d.dispatch)",
	},
}

// Check looks for damage in the journal at path: in the file, and between rows that must agree. It reads everything and changes
// nothing. A router may use the journal meanwhile; its write-ahead log grows until Check has ended.
func Check(ctx context.Context, path string) (err error) {
	r, err := OpenReader(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var problems []string
	// No transaction around all of it: each query alone sees one state of the file.
	err = r.conn.do(ctx, func(c *sqlite.Conn) (err error) {
		problems, err = findDamage(c)
		return err
	})
	if err != nil {
		return fmt.Errorf("check journal %s: %w", path, err)
	}
	if len(problems) > 0 {
		return fmt.Errorf("journal %s is damaged: %s: stop the router and restore it from a backup, or begin with another path", path, strings.Join(problems, "; "))
	}
	return nil
}

func findDamage(c *sqlite.Conn) (problems []string, err error) {
	err = query(c, "PRAGMA quick_check(10)", func(s *sqlite.Stmt) error {
		if text := s.ColumnText(0); text != "ok" {
			problems = append(problems, text)
		}
		return nil
	})
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultCorrupt {
		return []string{err.Error()}, nil
	}
	if err != nil || len(problems) > 0 { // the queries would not tell more
		return problems, err
	}
	for _, k := range checkRows {
		err := query(c, k.query, func(s *sqlite.Stmt) error {
			if n := s.ColumnInt64(0); n > 0 {
				problems = append(problems, fmt.Sprintf("%d %s", n, k.wrong))
			}
			return nil
		})
		if err != nil {
			return problems, err
		}
	}
	return problems, nil
}
