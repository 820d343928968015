package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

func testEntry(id string) journal.Entry {
	return journal.Entry{
		Source: "lab", ID: id, Type: "t", Received: time.Now(), Envelope: []byte("envelope of " + id), Keys: []journal.Key{{Value: id}},
		Deliveries: []journal.NewDelivery{{Rule: "r", Plugin: "ops", Arguments: []byte(`{"to":"` + id + `"}`)}},
	}
}

func open(t *testing.T, path string, o Options) *Journal {
	t.Helper()
	if o.Reserve == 0 {
		o.Reserve = -1
	}
	j, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

func mustAppend(t *testing.T, j *Journal, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if _, err := j.Append(t.Context(), journal.Disk, []journal.Entry{testEntry(id)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFiles(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := filepath.Join(t.TempDir(), "data", "deep")
	path := filepath.Join(dir, "journal.db")
	j, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, "a")
	for name, want := range map[string]os.FileMode{dir: 0o700, path: 0o600, path + "-wal": 0o600, path + ".lock": 0o600} {
		st, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := st.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path + "-wal"); err == nil && st.Size() > 0 {
		t.Errorf("after Close the log still has %d bytes", st.Size())
	}
}

func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path, Options{})
	_, err := Open(t.Context(), path, Options{})
	if !errors.Is(err, journal.ErrLocked) {
		t.Fatalf("second Open: %v, want ErrLocked", err)
	}
	for _, want := range []string{path, fmt.Sprint("process ", os.Getpid())} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %q", err, want)
		}
	}
	mustAppend(t, j, "a") // the refused one has not harmed it
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, open(t, path, Options{}), "b")
}

// The lock holds between processes, and the pid named is that of the other.
func TestLockedByProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	c := startChild(t, path, "1", "hold")
	c.waitAcks(t, 1)
	_, err := Open(t.Context(), path, Options{})
	if !errors.Is(err, journal.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("process ", c.cmd.Process.Pid)) {
		t.Fatalf("Open: %v, want ErrLocked that names process %d", err, c.cmd.Process.Pid)
	}
	c.kill(t)
	open(t, path, Options{})
}

func TestRefusesOtherFiles(t *testing.T) {
	tests := map[string]struct{ script, want string }{
		"newer":   {"CREATE TABLE x(y); PRAGMA application_id = " + fmt.Sprint(applicationID) + "; PRAGMA user_version = 99;", "newer version of pointsman (format 99"},
		"foreign": {"CREATE TABLE x(y);", "not a pointsman journal"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(execAll(c, tt.script), c.Close()); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Open(t.Context(), path, Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open: %v, want %q", err, tt.want)
			}
			after, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !cmp.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

// Errors of Open name the journal once and say what to do.
func TestOpenErrors(t *testing.T) {
	write := func(text string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := map[string]struct {
		prepare func(t *testing.T, path string)
		below   string // the journal is this path below the prepared one
		want    string
	}{
		"text":           {write(strings.Repeat("not a database ", 1000)), "", ": it is damaged or not a journal: restore it from a backup, or give another path: "},
		"folder":         {func(t *testing.T, path string) { _ = os.Mkdir(path, 0o700) }, "", ": it is not a file: give another path: "},
		"file as folder": {write("x"), "/journal.db", ": a part of its path is a file: give another path: "},
		"damaged inside": {func(t *testing.T, path string) {
			j := open(t, path, Options{})
			mustAppend(t, j, "a")
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.WriteAt(bytes.Repeat([]byte{255}, 100<<10), 16<<10)
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
		}, "", ": it is damaged or not a journal: restore it from a backup, or give another path: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			tt.prepare(t, path)
			path += tt.below
			_, err := Open(t.Context(), path, Options{})
			if err == nil {
				t.Fatal("opened")
			}
			if want := "open journal " + path + tt.want; !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got  %s\nwant %s...", err, want)
			}
		})
	}
}

// The write-ahead log stays bounded while writers never pause.
func TestLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path, Options{tuning: tuning{walBytes: 1 << 20}})
	envelope := make([]byte, 16<<10)
	var wg sync.WaitGroup
	largest := int64(0)
	for w := range 8 {
		wg.Go(func() {
			for i := range 400 { // 50 MiB in all
				e := testEntry(fmt.Sprint(w, "-", i))
				e.Envelope = envelope
				if _, err := j.Append(t.Context(), journal.Disk, []journal.Entry{e}); err != nil {
					t.Error(err)
					return
				}
				if st, err := os.Stat(path + "-wal"); w == 0 && err == nil {
					largest = max(largest, st.Size())
				}
			}
		})
	}
	wg.Wait()
	if largest > 16<<20 {
		t.Errorf("the log grew to %d MiB, a checkpoint was due at each MiB", largest>>20)
	}
	t.Logf("largest log: %d KiB", largest>>10)
}

// An operator reads with the sqlite3 tool's means while the journal is in use.
func TestReadableWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path, Options{})
	mustAppend(t, j, "a")
	c, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got []string
	err = query(c, "SELECT state, plugin, event_id, arguments ->> 'to', id FROM deliveries", func(s *sqlite.Stmt) error {
		for i := range 5 {
			got = append(got, s.ColumnText(i))
		}
		return nil
	})
	if want := []string{"pending", "ops", "a", "a", j.ID() + "-1"}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("view deliveries: %v, %v; want %v", got, err, want)
	}
	got = nil
	err = query(c, "SELECT state, id, received FROM events", func(s *sqlite.Stmt) error {
		got = append(got, s.ColumnText(0), s.ColumnText(1), s.ColumnText(2)[:2])
		return nil
	})
	if want := []string{"pending", "a", "20"}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("view events: %v, %v; want %v", got, err, want)
	}
}

// A caller that gives up leaves the others alone, and what it had claimed can still be settled.
func TestCallerGivesUp(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Append(ctx, journal.Disk, []journal.Entry{testEntry("a")}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Append: %v, want context.Canceled", err)
	}
	mustAppend(t, j, "b")
	ds, err := j.Claim(t.Context(), "ops", 10)
	for err == nil && ds[len(ds)-1].EventID != "b" { // a may or may not be there
		ds, err = j.Claim(t.Context(), "ops", 10)
	}
	if err != nil {
		t.Fatal(err)
	}
	done := []journal.Settlement{{Seq: ds[len(ds)-1].Seq, Outcome: journal.Done}}
	if err := j.Settle(ctx, done); !errors.Is(err, context.Canceled) {
		t.Fatalf("Settle: %v, want context.Canceled", err)
	}
	if err := j.Settle(t.Context(), done); err != nil && !errors.Is(err, journal.ErrNotFound) {
		t.Fatal(err)
	}
	if st, err := j.Stats(t.Context()); err != nil || st.Plugins["ops"].Pending > 1 {
		t.Fatal(st, err)
	}
}

// The reserve of free space refuses events before the disk is full.
func TestReserve(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{Reserve: 1 << 60})
	_, err := j.Append(t.Context(), journal.Disk, []journal.Entry{testEntry("a")})
	if !errors.Is(err, journal.ErrFull) || !strings.Contains(err.Error(), "reserve") {
		t.Fatalf("Append: %v, want ErrFull for the reserve", err)
	}
}

func TestCLI(t *testing.T) {
	testenv.Need(t, testenv.SQLite)
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path, Options{})
	mustAppend(t, j, "a")
	out, err := exec.Command("sqlite3", "-readonly", path, "SELECT state, event_id FROM deliveries").CombinedOutput()
	if err != nil || string(out) != "pending|a\n" {
		t.Fatalf("sqlite3: %q, %v (on %s)", out, err, runtime.GOOS)
	}
}
