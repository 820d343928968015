package sqlite

import (
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// statements are the prepared statements of the hot path.
type statements struct {
	begin, commit                           *sqlite.Stmt
	insertEvent, insertDelivery, insertTail *sqlite.Stmt
	done, retry, dead, insertDead           *sqlite.Stmt
	insertAttempt, trimAttempts             *sqlite.Stmt
	pageCount, freeCount                    *sqlite.Stmt
	chunk                                   *sqlite.Stmt
}

// prepare prepares the statements for a connection, which owns them.
func (s *statements) prepare(c *sqlite.Conn) error {
	if s.begin != nil {
		return nil
	}
	var p statements
	for _, q := range []struct {
		to  **sqlite.Stmt
		sql string
	}{
		{&p.commit, "COMMIT"},
		{&p.insertEvent, "INSERT INTO event VALUES(?,?,?,?,?,?,?,?,?)"},
		{&p.insertDelivery, "INSERT INTO delivery VALUES(?,?,?,?,?,0,0,?,?,?,NULL,NULL,NULL)"},
		{&p.insertTail, "INSERT INTO seen_tail VALUES(?,?)"},
		{&p.done, "UPDATE delivery SET state = 1, attempts = ?2, settled = ?3, receipt = ?4 WHERE seq = ?1"},
		{&p.retry, "UPDATE delivery SET attempts = ?2, due = ?3 WHERE seq = ?1"},
		{&p.dead, "UPDATE delivery SET state = 2, attempts = ?2, settled = ?3 WHERE seq = ?1"},
		{&p.insertDead, "INSERT INTO dead VALUES(?,(SELECT plugin FROM delivery WHERE seq = ?1),?,?)"},
		{&p.insertAttempt, "INSERT OR REPLACE INTO attempt VALUES(?,?,?,?,?)"},
		{&p.trimAttempts, "DELETE FROM attempt WHERE delivery = ? AND number = ?"},
		{&p.pageCount, "PRAGMA page_count"},
		{&p.freeCount, "PRAGMA freelist_count"},
		{&p.chunk, "SELECT entries FROM seen_chunk WHERE id = ?"},
		{&p.begin, "BEGIN IMMEDIATE"},
	} {
		stmt, err := c.Prepare(q.sql)
		if err != nil {
			return err
		}
		*q.to = stmt
	}
	*s = p
	return nil
}

// used returns the number of pages in use.
func (s *statements) used() (int64, error) {
	all, err := intOf(s.pageCount)
	if err != nil {
		return 0, err
	}
	free, err := intOf(s.freeCount)
	return all - free, err
}

// intOf returns the single integer that a statement selects.
func intOf(s *sqlite.Stmt) (int64, error) {
	_, err := s.Step()
	if err != nil {
		return 0, err
	}
	n := s.ColumnInt64(0)
	return n, s.Reset()
}

// bindText binds text, or NULL for none.
func bindText(s *sqlite.Stmt, param int, text string) {
	if text == "" {
		s.BindNull(param)
		return
	}
	s.BindText(param, text)
}

// step runs a statement that returns no rows, and resets it for its next use.
func step(s *sqlite.Stmt) error {
	_, err := s.Step()
	if rerr := s.Reset(); err == nil {
		err = rerr
	}
	return err
}

// execute runs a statement that returns no rows, off the hot path.
func execute(c *sqlite.Conn, query string, args ...any) error {
	return sqlitex.Execute(c, query, &sqlitex.ExecOptions{Args: args})
}

// query calls row for each row.
func query(c *sqlite.Conn, sql string, row func(*sqlite.Stmt) error, args ...any) error {
	return sqlitex.Execute(c, sql, &sqlitex.ExecOptions{Args: args, ResultFunc: row})
}
