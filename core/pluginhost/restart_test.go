package pluginhost

import (
	"testing"
	"time"
)

func TestRestarts(t *testing.T) {
	type death struct {
		at, uptime time.Duration
		wait       time.Duration
		suspend    bool
	}
	tests := []struct {
		name   string
		deaths []death
	}{
		{"doubles", []death{
			{at: 0, wait: 500 * time.Millisecond},
			{at: 3 * time.Minute, wait: time.Second},
			{at: 6 * time.Minute, wait: 2 * time.Second},
			{at: 9 * time.Minute, wait: 4 * time.Second},
			{at: 12 * time.Minute, wait: 8 * time.Second},
			{at: 15 * time.Minute, wait: 16 * time.Second},
			{at: 18 * time.Minute, wait: 30 * time.Second},
			{at: 21 * time.Minute, wait: 30 * time.Second},
		}},
		{"starts anew after a stable minute", []death{
			{at: 0, wait: 500 * time.Millisecond},
			{at: time.Minute, uptime: 59 * time.Second, wait: time.Second},
			{at: 2 * time.Minute, uptime: time.Minute, wait: 500 * time.Millisecond},
		}},
		{"suspends at the fifth in ten minutes", []death{
			{at: 0, wait: 500 * time.Millisecond},
			{at: 1 * time.Second, wait: time.Second},
			{at: 2 * time.Second, wait: 2 * time.Second},
			{at: 3 * time.Second, wait: 4 * time.Second},
			{at: 10*time.Minute - 1, wait: 10 * time.Minute, suspend: true},
			{at: 20 * time.Minute, wait: 500 * time.Millisecond},
		}},
		{"not the fifth in more than ten minutes", []death{
			{at: 0, wait: 500 * time.Millisecond},
			{at: 1 * time.Second, wait: time.Second},
			{at: 2 * time.Second, wait: 2 * time.Second},
			{at: 3 * time.Second, wait: 4 * time.Second},
			{at: 10 * time.Minute, wait: 8 * time.Second},
		}},
		{"suspends stable ones too", []death{
			{at: 0, uptime: time.Hour, wait: 500 * time.Millisecond},
			{at: 2 * time.Minute, uptime: time.Minute, wait: 500 * time.Millisecond},
			{at: 4 * time.Minute, uptime: time.Minute, wait: 500 * time.Millisecond},
			{at: 6 * time.Minute, uptime: time.Minute, wait: 500 * time.Millisecond},
			{at: 8 * time.Minute, uptime: time.Minute, wait: 10 * time.Minute, suspend: true},
		}},
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRestarts()
			r.jitter = func() float64 { return 1 }
			for i, d := range tt.deaths {
				wait, suspend := r.died(start.Add(d.at), d.uptime)
				if wait != d.wait || suspend != d.suspend {
					t.Errorf("death %d: wait %s, suspend %t; want %s, %t", i, wait, suspend, d.wait, d.suspend)
				}
			}
		})
	}
}

func TestRestartJitter(t *testing.T) {
	r := newRestarts()
	for range 1000 {
		r.forget()
		if wait, _ := r.died(time.Now(), 0); wait < backoffMin/2 || wait > backoffMin {
			t.Fatalf("wait is %s", wait)
		}
	}
}
