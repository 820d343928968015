package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/journaltest"
)

func TestConformance(t *testing.T) { journaltest.Run(t, openWith(tuning{})) }

// The same with so little memory that everything beyond it is used all the time, and with lists that find hardly more than one record at a time.
func TestConformanceSmall(t *testing.T) {
	journaltest.Run(t, openWith(tuning{cacheBytes: 1500, readyMax: 4, refill: 3, runSize: 8, walBytes: 64 << 10, searchTime: -1}))
}

func openWith(tu tuning) journaltest.Open {
	return func(tb testing.TB, dir string, o journaltest.Options) journal.Store {
		tb.Helper()
		j, err := Open(tb.Context(), filepath.Join(dir, "journal.db"), Options{
			MaxBytes: o.MaxBytes, Retention: o.Retention, DedupeWindow: o.DedupeWindow, Reserve: -1, tuning: tu,
		})
		if err != nil {
			tb.Fatal(err)
		}
		return j
	}
}
