package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

// writeFormat1 writes a journal as the first version did, with an event that is done, one that is pending and dead, and one that no
// rule matched.
func writeFormat1(t *testing.T, path string) {
	t.Helper()
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixNano()
	err = execAll(c, "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;"+schema1+fmt.Sprintf(`
		INSERT INTO journal VALUES(1, 'abcdefgh', 0, 0, 0);
		INSERT INTO plugin VALUES(1, 'ops'), (2, 'mail');
		INSERT INTO dispatch VALUES(1, 'ops', 'r1', 0, 1000, 1, 2, 3), (2, 'mail', 'r2', 5, 1000, 1, 2, 3);
		INSERT INTO event VALUES(1, 1, 1, %[1]d, 'lab', 'a', 't', 's', x'01'), (2, 2, 2, %[1]d, 'lab', 'b', 't', 's', x'02'), (3, 4, 0, %[1]d, 'field', 'c', 't', 's', x'03');
		INSERT INTO delivery VALUES
			(1, 1, 1, 1, 1, 1, 0, NULL, '{}', %[1]d, 'sent', NULL, NULL),
			(2, 2, 1, 1, 0, 0, 0, NULL, '{}', NULL, NULL, NULL, NULL),
			(3, 2, 2, 2, 2, 1, 0, NULL, '{}', %[1]d, NULL, NULL, NULL);
		INSERT INTO dead VALUES(3, 2, 'rejected', 'no such user');
		INSERT INTO attempt VALUES(3, 1, %[1]d, 3, 'no such user');
		PRAGMA application_id = %[2]d; PRAGMA user_version = 1;`, now, applicationID))
	if err := errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
}

// A journal of the first format opens with everything in it, and works like a new one.
func TestMigratesFormat1(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	writeFormat1(t, path)
	for range 2 { // the second time it is in the newest format
		j := open(t, path, Options{})
		e, err := j.Event(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		var got []any
		for _, d := range e.Deliveries {
			got = append(got, d.ID, d.Rule, d.State, d.Policy.MaxAttempts, d.Generation, d.Sensitive, d.Reason, len(d.History))
		}
		want := []any{"abcdefgh-2", "r1", journal.StatePending, 0, int64(0), "", "", 0, "abcdefgh-3", "r2", journal.StateDead, 5, int64(0), "", journal.ReasonRejected, 1}
		if !cmp.Equal(got, want) {
			t.Errorf("deliveries of event 2:\n%v\nwant\n%v", got, want)
		}
		st, err := j.Stats(t.Context())
		if err != nil || st.Events != 3 || st.Plugins["ops"].Pending != 1 || st.Plugins["mail"].Dead != 1 || st.Generation != 0 {
			t.Errorf("stats: %+v, %v", st, err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	j := open(t, path, Options{})
	e := testEntry("d")
	e.Deliveries[0].Generation, e.ReplayOf, e.Keys = 4, 1, nil
	if _, err := j.Append(t.Context(), journal.Disk, []journal.Entry{e}); err != nil {
		t.Fatal(err)
	}
	if n, err := j.Drop(t.Context(), []int64{3}); n != 1 || err != nil {
		t.Fatalf("Drop: %d, %v", n, err)
	}
	ds, err := j.Claim(t.Context(), "ops", 9)
	if err != nil || len(ds) != 2 || ds[0].EventID != "b" || ds[1].EventID != "d" {
		t.Fatalf("Claim: %v, %v", ds, err)
	}
}

// An operator with the sqlite3 tool sees what generation made a delivery, what was dropped, and what repeats what.
func TestViews(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{})
	e := testEntry("a")
	e.Deliveries[0].Generation, e.Deliveries[0].Sensitive, e.Deliveries[0].Dead = 7, "token", "no field x"
	again := testEntry("a")
	again.Keys, again.ReplayOf = nil, 1
	if _, err := j.Append(t.Context(), journal.Disk, []journal.Entry{e, again}); err != nil {
		t.Fatal(err)
	}
	if n, err := j.Drop(t.Context(), []int64{1}); n != 1 || err != nil {
		t.Fatalf("Drop: %d, %v", n, err)
	}
	c, err := openReader(j.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got []string
	for _, sql := range []string{
		"SELECT seq || ' ' || state || ' ' || ifnull(replay_of, '-') FROM events ORDER BY seq",
		"SELECT seq || ' ' || state || ' ' || generation || ' ' || sensitive || ' ' || ifnull(reason, '-') || ' ' || ifnull(error, '-') FROM deliveries ORDER BY seq",
	} {
		if err := query(c, sql, func(s *sqlite.Stmt) error {
			got = append(got, s.ColumnText(0))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"1 done -", "2 pending 1", "1 dropped 7 token rule_error no field x", "2 pending 0  - -"}; !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
