package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/sqlite"
)

func TestSmoke(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "journal.db")
	j, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := benchEntry(1)
	a, err := j.Append(t.Context(), []journal.Entry{e, e, benchEntry(2)})
	if err != nil || !a[1].Duplicate || a[2].Seq != 2 {
		t.Fatal(a, err)
	}
	ds, err := j.Claim(t.Context(), "ops", 1)
	if err != nil || len(ds) != 1 {
		t.Fatal(ds, err)
	}
	if err := j.Settle(t.Context(), []journal.Settlement{{Seq: ds[0].Seq, Outcome: journal.Retry, At: time.Now().Add(10 * time.Millisecond), Error: "x"}}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j, err = sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for n := 0; n < 2; {
		ds, err := j.Claim(t.Context(), "ops", 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range ds {
			t.Logf("%+v", d.ID)
			n++
			if err := j.Settle(t.Context(), []journal.Settlement{{Seq: d.Seq, Outcome: journal.Done}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	ev, err := j.FindEvent(t.Context(), e.Source, e.ID)
	if err != nil || len(ev.Deliveries) != 1 || ev.State != journal.StateDone || len(ev.Deliveries[0].History) != 1 {
		t.Fatal(ev, err)
	}
	t.Log(j.Stats(t.Context()))
}
