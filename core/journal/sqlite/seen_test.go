package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/pointsman/pointsman/core/journal"
)

// Keys leave memory for the file, and the file when their window is over and their events are gone.
func TestRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	synctest.Test(t, func(t *testing.T) {
		j := open(t, path, Options{Retention: time.Hour, DedupeWindow: 2 * time.Hour, tuning: tuning{runSize: 10}})
		for i := range 100 {
			e := testEntry(fmt.Sprint(i))
			e.Deliveries = nil
			if _, err := j.Append(t.Context(), journal.Disk, []journal.Entry{e}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if n := len(j.seen.runs); n != 10 || len(j.seen.recent) != 0 {
			t.Errorf("%d runs and %d keys in memory, want 10 and 0", n, len(j.seen.recent))
		}
		rows := func() (n int64) {
			t.Helper()
			err := j.sweepConn.do(t.Context(), func(c *sqlite.Conn) (err error) {
				n, err = sqlitex.ResultInt64(c.Prep("SELECT (SELECT count(*) FROM seen_chunk) + (SELECT count(*) FROM seen_run) + (SELECT count(*) FROM seen_tail)"))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := rows(); n < 20 {
			t.Errorf("%d rows of keys, want at least 20", n)
		}
		time.Sleep(90 * time.Minute) // the events are gone, the windows are not over
		if a, err := j.Append(t.Context(), journal.Disk, []journal.Entry{testEntry("7")}); err != nil || !a[0].Duplicate {
			t.Errorf("append retries: %+v, %v; want a duplicate", a, err)
		}
		time.Sleep(3 * time.Hour)
		if n := rows(); n != 0 {
			t.Errorf("%d rows of keys are left", n)
		}
	})
}

func TestFilter(t *testing.T) {
	const n = 100_000
	f := newFilter(n)
	for i := range n {
		f.add(hashKey(kindKey, "s", fmt.Sprint(i)))
	}
	wrong := 0
	for i := range n {
		if !f.has(hashKey(kindKey, "s", fmt.Sprint(i))) {
			t.Fatalf("the filter has lost key %d", i)
		}
		if f.has(hashKey(kindKey, "s", fmt.Sprint("other", i))) {
			wrong++
		}
	}
	if wrong > n/200 {
		t.Errorf("wrong about %d of %d keys, want about one in 1,000", wrong, n)
	}
	t.Logf("wrong about %d of %d keys", wrong, n)
}

// Payloads in memory are counted right, whatever becomes of their deliveries.
func TestCacheCount(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{tuning: tuning{cacheBytes: 3000, readyMax: 8, refill: 3}})
	for i := range 60 {
		e := testEntry(fmt.Sprint(i))
		e.Deliveries[0].OrderKey = []string{"", "k", "l"}[i%3]
		if _, err := j.Append(t.Context(), journal.Disk, []journal.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	for left, n := 60, 0; left > 0; {
		ds, err := j.Claim(t.Context(), "ops", 5)
		if err != nil {
			t.Fatal(err)
		}
		var results []journal.Settlement
		for _, d := range ds {
			n++
			r := journal.Settlement{Seq: d.Seq, Outcome: journal.Done}
			if n%3 == 0 {
				r.Outcome = []journal.Outcome{journal.Retry, journal.Release, journal.Dead}[n/3%3]
			}
			if r.Outcome == journal.Done || r.Outcome == journal.Dead {
				left--
			}
			results = append(results, r)
		}
		if err := j.Settle(t.Context(), results); err != nil {
			t.Fatal(err)
		}
	}
	if n := j.cached.Load(); n != 0 {
		t.Errorf("%d bytes are counted, and nothing is left", n)
	}
}
