package main

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFresh()
		began := time.Now()
		f.remember("k", began)
		f.remember("never", time.Time{})
		time.Sleep(time.Hour)
		for _, c := range []struct {
			name     string
			key      string
			received time.Time
			want     bool
		}{
			{"long before", "k", began.Add(-time.Hour), true},
			{"just enough before", "k", began.Add(-margin), true},
			{"too close", "k", began.Add(-margin + 1), false},
			{"after", "k", began.Add(time.Second), false},
			{"another key", "l", began.Add(-time.Hour), false},
			{"no copy", "never", began.Add(-time.Hour), false},
		} {
			if got := f.covers(c.key, c.received.Round(0)); got != c.want {
				t.Errorf("%s: got %t", c.name, got)
			}
		}
	})
}

// After a step of the wall clock, times of other processes cannot be compared.
func TestClockStep(t *testing.T) {
	began := time.Now()
	for _, step := range []time.Duration{-time.Hour, -maxStep - 1, -maxStep, 0, maxStep, maxStep + 1, time.Hour} {
		f := newFresh()
		f.elapsed = func(time.Time) (wall, monotonic time.Duration) { return time.Minute + step, time.Minute }
		f.remember("k", began)
		if got, want := f.covers("k", began.Add(-time.Hour).Round(0)), step.Abs() <= maxStep; got != want {
			t.Errorf("step of %s: covered %t", step, got)
		}
	}
}

func TestFreshIsBounded(t *testing.T) {
	now := time.Now()
	f := newFresh()
	for i := range maxFresh + 10 {
		f.remember(strconv.Itoa(i), now)
		f.remember("0", now) // in use: it stays
	}
	if n := len(f.byKey); n != maxFresh || f.order.Len() != n {
		t.Errorf("%d keys", n)
	}
	old := now.Add(-time.Hour)
	if !f.covers("0", old) || f.covers("1", old) || !f.covers(strconv.Itoa(maxFresh), old) {
		t.Error("not the least recently used keys were forgotten")
	}
}
