package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

// script changes a journal that nobody has open.
func script(t *testing.T, path, sql string) {
	t.Helper()
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(execAll(c, sql), c.Close()); err != nil {
		t.Fatal(err)
	}
}

// writeJournal makes a journal with one event in each state. It leaves it open.
func writeJournal(t *testing.T, path string) *Journal {
	t.Helper()
	j := open(t, path, Options{})
	mustAppend(t, j, "done", "pending", "dead", "dropped")
	quarantined, unmatched := testEntry("quarantined"), testEntry("unmatched")
	quarantined.Deliveries, quarantined.Quarantine, unmatched.Deliveries = nil, "broken", nil
	if _, err := j.Append(t.Context(), journal.Disk, []journal.Entry{quarantined, unmatched, ofGeneration("new", 7)}); err != nil {
		t.Fatal(err)
	}
	ds, err := j.Claim(t.Context(), "ops", 4)
	if err == nil {
		err = j.Settle(t.Context(), []journal.Settlement{
			{Seq: ds[0].Seq, Outcome: journal.Done},
			{Seq: ds[1].Seq, Outcome: journal.Release},
			{Seq: ds[2].Seq, Outcome: journal.Dead, Reason: journal.ReasonRejected},
			{Seq: ds[3].Seq, Outcome: journal.Dead, Reason: journal.ReasonPoison},
		})
	}
	if err == nil {
		_, err = j.Drop(t.Context(), []int64{ds[3].Seq})
	}
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// readAll asks everything that a Reader answers.
func readAll(t *testing.T, r journal.Reader) (all []any) {
	t.Helper()
	st, err := r.Stats(t.Context())
	st.Limit = 0
	errs := []error{err}
	var events []journal.EventRecord
	for q := (journal.EventQuery{}); ; {
		page, err := r.Events(t.Context(), q)
		errs, events = append(errs, err), append(events, page.Events...)
		if q.Before = page.Next; q.Before == 0 {
			break
		}
	}
	var deliveries []journal.DeliveryRecord
	for q := (journal.DeliveryQuery{}); ; {
		page, err := r.Deliveries(t.Context(), q)
		errs, deliveries = append(errs, err), append(deliveries, page.Deliveries...)
		if q.Before = page.Next; q.Before == 0 {
			break
		}
	}
	event, err := r.Event(t.Context(), 3)
	errs = append(errs, err)
	found, err := r.FindEvent(t.Context(), "", "dropped")
	errs = append(errs, err)
	delivery, err := r.Delivery(t.Context(), 4)
	errs = append(errs, err)
	seq, err := r.DeliverySeq(delivery.ID)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return []any{st, events, deliveries, event, found, delivery, seq}
}

// A Reader gives the same answers as the journal: beside it, after it was closed, and after its process was killed. It changes nothing.
func TestReader(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "journal.db")
	j := writeJournal(t, path)
	want := readAll(t, j)
	compare := func(what, path string) {
		t.Helper()
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := OpenReader(t.Context(), path)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if d := cmp.Diff(want, readAll(t, r)); d != "" {
			t.Errorf("%s (-journal +reader):\n%s", what, d)
		}
		if err := Check(t.Context(), path); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := r.conn.do(t.Context(), func(c *sqlite.Conn) error { return execute(c, "DELETE FROM event") }); err == nil {
			t.Errorf("%s: a reader can write", what)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := r.Event(t.Context(), 1); !errors.Is(err, journal.ErrClosed) {
			t.Errorf("%s: Event after Close: %v, want ErrClosed", what, err)
		}
		after, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: the file was changed (%v)", what, err)
		}
	}
	compare("beside the journal", path)
	killed := filepath.Join(dir, "killed.db")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err == nil {
			err = os.WriteFile(killed+suffix, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	compare("after a kill", killed)
	mustAppend(t, j, "later") // still works
	if _, err := j.Append(t.Context(), journal.Disk, nil); err != nil {
		t.Fatal(err)
	}
	want = readAll(t, j)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	compare("after Close", path)
}

// A journal opens, works and closes while a Reader has it open.
func TestReaderIsInNobodysWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	if err := writeJournal(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	j := open(t, path, Options{})
	mustAppend(t, j, "later")
	if e, err := r.FindEvent(t.Context(), "lab", "later"); err != nil || e.Seq != 8 {
		t.Errorf("FindEvent: %v, %v; want event 8", e, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if st, err := r.Stats(t.Context()); err != nil || st.Events != 8 {
		t.Errorf("Stats: %+v, %v; want 8 events", st, err)
	}
}

// Errors of OpenReader name the file once and say what to do. They change nothing and create nothing.
func TestReaderRefuses(t *testing.T) {
	tests := map[string]struct {
		prepare func(t *testing.T, path string)
		want    string
	}{
		"nothing": {func(*testing.T, string) {}, ": there is no such file: give the path of a journal"},
		"empty":   {func(t *testing.T, path string) { writeFile(t, path, "") }, ": it is empty: give the path of a journal"},
		"text":    {func(t *testing.T, path string) { writeFile(t, path, strings.Repeat("no database ", 1000)) }, ": it is damaged or not a journal: "},
		"folder": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, ": it is not a file: give another path: "},
		"foreign": {func(t *testing.T, path string) { script(t, path, "CREATE TABLE x(y);") }, ": it is a database, but not a pointsman journal: give another path"},
		"older":   {writeFormat1, fmt.Sprintf(": it was written by an older version of pointsman (format 1, this program reads %d): start the router once to bring it up to date", len(migrations))},
		"newer": {func(t *testing.T, path string) {
			script(t, path, fmt.Sprintf("CREATE TABLE x(y); PRAGMA application_id = %d; PRAGMA user_version = 99;", applicationID))
		}, ": it was written by a newer version of pointsman (format 99, "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			tt.prepare(t, path)
			before, _ := os.ReadFile(path)
			for _, open := range []func() error{
				func() error { _, err := OpenReader(t.Context(), path); return err },
				func() error { return Check(t.Context(), path) },
			} {
				err := open()
				if want := "open journal " + path + tt.want; err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("got  %v\nwant %s", err, want)
				}
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
			if _, err := os.Stat(path + ".lock"); err == nil {
				t.Error("a lock file was created")
			}
		})
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCheck(t *testing.T) {
	tests := map[string]struct{ script, want string }{
		"whole":               {"SELECT 1", ""},
		"no reason":           {"DELETE FROM dead", "1 dead letters without a reason"},
		"reason of none":      {"UPDATE delivery SET state = 1 WHERE state = 2", "1 reasons of dead letters that are none"},
		"reason of nothing":   {"INSERT INTO dead VALUES(4711, 1, 'poison', '')", "1 reasons of dead letters that are none"},
		"dropped, no reason":  {"DELETE FROM dropped", "1 dropped dead letters without a reason"},
		"not dropped":         {"UPDATE delivery SET state = 1 WHERE state = 3", "1 reasons of dropped dead letters that are none"},
		"lost delivery":       {"DELETE FROM delivery WHERE seq = 1", "1 events that lack deliveries"},
		"lost event":          {"DELETE FROM event WHERE seq = 2", "1 deliveries without an event"},
		"lost dispatch block": {"DELETE FROM dispatch WHERE generation = 7", "1 deliveries without a dispatch block"},
		"lost index entry": {
			`DROP INDEX delivery_pending; CREATE INDEX delivery_pending ON delivery(plugin, seq) WHERE state = 0 AND seq < 3; PRAGMA writable_schema = ON;
			UPDATE sqlite_schema SET sql = 'CREATE INDEX delivery_pending ON delivery(plugin, seq) WHERE state = 0' WHERE name = 'delivery_pending';`,
			"1 pending deliveries that the index of pending deliveries lacks",
		},
		"index entry too many": {
			`DROP INDEX delivery_pending; CREATE INDEX delivery_pending ON delivery(plugin, seq) WHERE state <> 3; PRAGMA writable_schema = ON;
			UPDATE sqlite_schema SET sql = 'CREATE INDEX delivery_pending ON delivery(plugin, seq) WHERE state = 0' WHERE name = 'delivery_pending';`,
			"2 entries too many in the index of pending deliveries",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			if err := writeJournal(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			script(t, path, tt.script)
			err := Check(t.Context(), path)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, want := range []string{"journal " + path + " is damaged: ", tt.want, "restore it from a backup"} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
}

// Check notices pages that are not what SQLite wrote.
func TestCheckDamagedPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path, Options{})
	for i := range 300 {
		mustAppend(t, j, strings.Repeat("x", 100)+fmt.Sprint(i))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Check(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	st, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt(bytes.Repeat([]byte{255}, 8192), st.Size()/2/8192*8192)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := Check(t.Context(), path); err == nil || !strings.Contains(err.Error(), "is damaged: ") {
		t.Errorf("Check: %v, want damage", err)
	}
}
