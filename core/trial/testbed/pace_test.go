package testbed

import (
	"context"
	"sync"
	"testing"
	"time"
)

// Calls that are due while the only worker is busy are made later, and keep the time at which they were due.
func TestPaceKeepsTheRate(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls []time.Time
	var once sync.Once
	err := Pace(ctx, 1000, 1, func(_ int, due time.Time) {
		calls = append(calls, due)
		once.Do(func() {
			for time.Since(due) < 20*time.Millisecond { // busy while twenty more become due
			}
			cancel()
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(calls) < 2 {
		t.Fatalf("%d calls", len(calls))
	}
	for i := 1; i < len(calls); i++ {
		if step := calls[i].Sub(calls[i-1]); step != time.Millisecond {
			t.Errorf("call %d was due %s after the one before, want 1ms", i, step)
		}
	}
}

func TestPercentile(t *testing.T) {
	times := []time.Duration{40 * time.Millisecond, 10 * time.Millisecond, 30 * time.Millisecond, 20 * time.Millisecond}
	for p, want := range map[int]time.Duration{0: 10 * time.Millisecond, 50: 30 * time.Millisecond, 99: 40 * time.Millisecond, 100: 40 * time.Millisecond} {
		if got := Percentile(times, p); got != want {
			t.Errorf("p%d: %s, want %s", p, got, want)
		}
	}
	if got := Percentile(nil, 50); got != 0 {
		t.Errorf("of none: %s", got)
	}
}
