package dispatch

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// TestFlightsAgainstModel compares the heap with a plain map over random operations.
func TestFlightsAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	start := time.Unix(0, 0)
	f := newInFlightSet()
	model := map[string]time.Time{} // id -> deadline
	for i := range 4_000 {
		now := start.Add(time.Duration(i) * time.Millisecond)
		switch op := rng.IntN(10); {
		case op < 5:
			d := &journal.Delivery{ID: fmt.Sprint("d", i), Policy: journal.Policy{Timeout: time.Duration(1+rng.IntN(2000)) * time.Millisecond}}
			model[d.ID] = f.add(d, now)
		case op < 8:
			id := fmt.Sprint("d", rng.IntN(i+1))
			x, ok := f.take(id)
			if _, want := model[id]; ok != want {
				t.Fatalf("take %s: %v, want %v", id, ok, want)
			}
			if ok && (x.delivery.ID != id || !x.deadline.Equal(model[id])) {
				t.Fatalf("take %s: got %s with deadline %s, want %s", id, x.delivery.ID, x.deadline, model[id])
			}
			delete(model, id)
		default:
			for x, ok := f.overdue(now); ok; x, ok = f.overdue(now) {
				if model[x.delivery.ID].After(now) {
					t.Fatalf("%s is not overdue", x.delivery.ID)
				}
				delete(model, x.delivery.ID)
			}
			for id, deadline := range model {
				if !deadline.After(now) {
					t.Fatalf("%s is overdue and was not returned", id)
				}
			}
		}
		checkEarliest(t, &f, model)
	}
	if got := len(f.takeAll()); got != len(model) || f.len() != 0 {
		t.Errorf("takeAll: %d, left %d, want %d and 0", got, f.len(), len(model))
	}
}

func checkEarliest(t *testing.T, f *inFlightSet, model map[string]time.Time) {
	t.Helper()
	var want time.Time
	for _, deadline := range model {
		if want.IsZero() || deadline.Before(want) {
			want = deadline
		}
	}
	got, ok := f.earliest()
	if ok != (len(model) > 0) || ok && !got.Equal(want) || f.len() != len(model) {
		t.Fatalf("earliest %s %v of %d, want %s of %d", got, ok, f.len(), want, len(model))
	}
}
