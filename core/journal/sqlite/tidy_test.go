package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/pointsman/pointsman/core/journal"
)

// count returns the integer that a query selects.
func count(t *testing.T, j *Journal, sql string) (n int64) {
	t.Helper()
	err := j.sweepConn.do(t.Context(), func(c *sqlite.Conn) (err error) {
		n, err = sqlitex.ResultInt64(c.Prep(sql))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func ofGeneration(id string, generation int64) journal.Entry {
	e := testEntry(id)
	e.Deliveries[0].Generation = generation
	return e
}

func mustSweep(t *testing.T, j *Journal) {
	t.Helper()
	if _, err := j.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A router that is reloaded thousands of times does not leave thousands of rows behind, and those still in use stay.
func TestGenerationsDoNotPileUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	synctest.Test(t, func(t *testing.T) {
		j := open(t, path, Options{Retention: time.Hour})
		for g := range int64(3000) {
			e := ofGeneration(fmt.Sprint(g), g+1)
			if g == 1234 {
				e.Deliveries[0].Plugin = "gone" // never settled
			}
			if _, err := j.Append(t.Context(), journal.Disk, []journal.Entry{e}); err != nil {
				t.Fatal(err)
			}
			if g == 1234 {
				continue
			}
			ds, err := j.Claim(t.Context(), "ops", 1)
			if err == nil {
				err = j.Settle(t.Context(), []journal.Settlement{{Seq: ds[0].Seq, Outcome: journal.Done}})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, j, "SELECT count(*) FROM dispatch"); n < 3000 {
			t.Fatalf("%d dispatch blocks before the retention is over, want all", n)
		}
		time.Sleep(2 * time.Hour)
		mustSweep(t, j)
		if n := count(t, j, "SELECT count(*) FROM dispatch"); n > blockEvents+1 {
			t.Errorf("%d dispatch blocks, want at most those of the pending delivery's block of events, and the last", n)
		}
		if n := count(t, j, "SELECT count(*) FROM block"); n != 1 {
			t.Errorf("%d blocks, want that of the pending delivery", n)
		}
		if st, err := j.Stats(t.Context()); err != nil || st.Generation != 3000 {
			t.Errorf("generation %d, %v; want 3000", st.Generation, err)
		}
		if d, err := j.Delivery(t.Context(), 1235); err != nil || d.Generation != 1235 || d.Plugin != "gone" {
			t.Errorf("pending delivery: %+v, %v", d, err)
		}
		// An old one comes back.
		if _, err := j.Append(t.Context(), journal.Disk, []journal.Entry{ofGeneration("again", 7)}); err != nil {
			t.Fatal(err)
		}
		if d, err := j.Delivery(t.Context(), 3001); err != nil || d.Generation != 7 {
			t.Errorf("delivery of a deleted generation: %+v, %v", d, err)
		}
	})
}

// Sweeps beside appends of changing generations never delete what a delivery uses.
func TestSweepsBesideGenerations(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{Retention: time.Nanosecond})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			if _, err := j.Sweep(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	for i := range 2000 {
		if _, err := j.Append(t.Context(), journal.Disk, []journal.Entry{ofGeneration(fmt.Sprint(i), int64(i*i%17))}); err != nil {
			t.Fatal(err)
		}
		if i%3 > 0 { // others stay pending
			continue
		}
		ds, err := j.Claim(t.Context(), "ops", 2)
		for _, d := range ds {
			if err == nil {
				err = j.Settle(t.Context(), []journal.Settlement{{Seq: d.Seq, Outcome: journal.Done}})
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	wg.Wait()
	if n := count(t, j, "SELECT count(*) FROM delivery WHERE dispatch NOT IN (SELECT id FROM dispatch)"); n > 0 {
		t.Errorf("%d deliveries have lost their dispatch block", n)
	}
}

// readRow decodes a row of table block, nil if there is none.
func readRow(t *testing.T, c *sqlite.Conn, id int64) (b *block) {
	t.Helper()
	if err := query(c, "SELECT oldest, newest, terms FROM block WHERE id = ?", func(s *sqlite.Stmt) error {
		b = &block{id: id, oldest: s.ColumnInt64(0), newest: s.ColumnInt64(1), terms: make(map[term]*eventSet)}
		return eachTerm(columnBytes(s, 2), func(t term, members func() eventSet) {
			set := members()
			b.terms[t] = &set
		})
	}, id); err != nil {
		t.Fatal(err)
	}
	return b
}

// Each complete block has a row that says what its events say, whoever wrote it: the writer, or a sweep in a journal without rows.
func TestBlocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path, Options{})
	fill := func(n int) {
		t.Helper()
		for i := range n / 100 {
			var entries []journal.Entry
			for k := range 100 {
				e := ofGeneration(fmt.Sprint(i, k), int64(k%3))
				e.Source, e.Keys, e.Received = fmt.Sprint("s", k%7), nil, e.Received.Add(-time.Duration(k)*time.Second)
				if k%10 == 0 {
					e.Deliveries = nil
				}
				if k%20 == 0 {
					e.Quarantine = "broken"
				}
				entries = append(entries, e)
			}
			if _, err := j.Append(t.Context(), journal.Disk, entries); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(rows int64) {
		t.Helper()
		for id := range int64(6) {
			if err := j.sweepConn.do(t.Context(), func(c *sqlite.Conn) error {
				got := readRow(t, c, id)
				if (got != nil) != (id < rows) {
					t.Errorf("block %d has a row: %v", id, got != nil)
				}
				want, err := readBlock(c, id)
				if got != nil && !cmp.Equal(got, want, cmp.AllowUnexported(block{})) {
					t.Errorf("block %d: %s", id, cmp.Diff(want, got, cmp.AllowUnexported(block{})))
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(2500)
	check(2)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, path, Options{})
	fill(2500)
	check(4)
	if err := j.background(t.Context(), func(tx *tx) error { return execute(tx.w.c, "DELETE FROM block WHERE id <> 2") }, nil); err != nil {
		t.Fatal(err)
	}
	mustSweep(t, j)
	check(4)
}

func TestEncodeBlock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, want := newBlock(0), make(map[term]*eventSet)
		for range rapid.IntRange(0, 5).Draw(t, "terms") {
			m := mark{term: term(rapid.Int64Range(0, 1<<40).Draw(t, "term"))}
			for _, m.event = range rapid.SliceOfN(rapid.Int64Range(0, blockEvents-1), 1, 100).Draw(t, "events") {
				b.add(m)
			}
			want[m.term] = b.terms[m.term]
		}
		got := make(map[term]*eventSet)
		encoded := b.encode()
		if err := eachTerm(encoded, func(t term, members func() eventSet) {
			set := members()
			got[t] = &set
		}); err != nil || !cmp.Equal(got, want) {
			t.Fatalf("got %v, %v; want %v", got, err, want)
		}
		if len(encoded) > 0 {
			cut := encoded[:rapid.IntRange(1, len(encoded)).Draw(t, "cut")]
			_ = eachTerm(cut, func(_ term, members func() eventSet) { members() }) // an error or not, but no panic
		}
	})
}

// The largest member that is not above a position, against a look at each.
func TestLastMember(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s eventSet
		members := make(map[int64]bool)
		for _, i := range rapid.SliceOfN(rapid.Int64Range(0, blockEvents-1), 0, 20).Draw(t, "members") {
			s.add(i)
			members[i] = true
		}
		from := rapid.Int64Range(-1, blockEvents-1).Draw(t, "from")
		want := from
		for want >= 0 && !members[want] {
			want--
		}
		if got := s.last(from); got != want {
			t.Fatalf("last(%d) is %d, want %d", from, got, want)
		}
	})
}

// Whoever holds the connection of the lists delays neither appends, claims of what is not in memory, nor sweeps.
func TestListsDelayNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	synctest.Test(t, func(t *testing.T) {
		j := open(t, path, Options{Retention: time.Minute, tuning: tuning{cacheBytes: 1, readyMax: 4, refill: 3, runSize: 8}})
		held, release := make(chan struct{}), make(chan struct{})
		go j.conn.do(context.Background(), func(*sqlite.Conn) error { //nolint:errcheck // returns nil
			close(held)
			<-release
			return nil
		})
		<-held
		for i := range 20 {
			mustAppend(t, j, fmt.Sprint(i))
		}
		for left := 20; left > 0; {
			ds, err := j.Claim(t.Context(), "ops", 5)
			if err != nil {
				t.Fatal(err)
			}
			left -= len(ds)
			for _, d := range ds {
				if err := j.Settle(t.Context(), []journal.Settlement{{Seq: d.Seq, Outcome: journal.Done}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(2 * time.Minute)
		mustSweep(t, j)
		close(release)
		if n := count(t, j, "SELECT count(*) FROM event"); n != 0 {
			t.Errorf("%d events after the sweep", n)
		}
	})
}
