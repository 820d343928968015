package dispatch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/journal"
)

func TestWithDefaults(t *testing.T) {
	tests := []struct {
		name     string
		in, want journal.Policy
	}{
		{
			"zero value",
			journal.Policy{},
			journal.Policy{MaxAge: 24 * time.Hour, MinBackoff: time.Second, MaxBackoff: 5 * time.Minute, Timeout: 30 * time.Second},
		},
		{
			"all set",
			journal.Policy{MaxAttempts: 3, MaxAge: time.Hour, MinBackoff: 2, MaxBackoff: 3, Timeout: 4},
			journal.Policy{MaxAttempts: 3, MaxAge: time.Hour, MinBackoff: 2, MaxBackoff: 3, Timeout: 4},
		},
		{
			"minimum above the default maximum",
			journal.Policy{MinBackoff: time.Hour},
			journal.Policy{MaxAge: 24 * time.Hour, MinBackoff: time.Hour, MaxBackoff: time.Hour, Timeout: 30 * time.Second},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, withDefaults(tt.in)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	policy := journal.Policy{MinBackoff: time.Second, MaxBackoff: 5 * time.Minute}
	tests := []struct {
		name    string
		attempt int
		random  float64
		want    time.Duration
	}{
		{"first", 1, 0.5, 500 * time.Millisecond},
		{"second doubles", 2, 0.5, time.Second},
		{"fourth", 4, 0.25, 2 * time.Second},
		{"never nearly nothing", 1, 0, 100 * time.Millisecond},
		{"capped", 20, 0.5, 150 * time.Second},
		{"no overflow", 1 << 30, 0.999, 299700 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := backoff(policy, tt.attempt, tt.random); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNextAttempt(t *testing.T) {
	received := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	hour := journal.Policy{MaxAge: time.Hour, MaxAttempts: 5}
	tests := []struct {
		name       string
		policy     journal.Policy
		attempt    int
		age, wait  time.Duration
		want       time.Duration // from now
		wantReason string
	}{
		{"schedule", hour, 1, time.Minute, noRetryAfter, 500 * time.Millisecond, ""},
		{"zero policy", journal.Policy{}, 3, time.Hour, noRetryAfter, 2 * time.Second, ""},
		{"zero policy has no attempt limit", journal.Policy{}, 1000, time.Hour, noRetryAfter, 150 * time.Second, ""},
		{"zero policy ends after a day", journal.Policy{}, 3, 24 * time.Hour, noRetryAfter, 0, journal.ReasonExpired},
		{"last attempt", hour, 5, time.Minute, noRetryAfter, 0, journal.ReasonExhausted},
		{"last attempt though the plugin asks for more", hour, 5, time.Minute, time.Second, 0, journal.ReasonExhausted},
		{"last attempt but one", hour, 4, time.Minute, noRetryAfter, 4 * time.Second, ""},
		{"schedule is cut to the end of the budget", hour, 4, time.Hour - time.Second, noRetryAfter, time.Second, ""},
		{"budget over", hour, 1, time.Hour, noRetryAfter, 0, journal.ReasonExpired},
		{"plugin's wait", hour, 1, time.Minute, 10 * time.Minute, 10 * time.Minute, ""},
		{"plugin's wait beyond the budget", hour, 1, time.Minute, time.Hour, 0, journal.ReasonExpired},
		{"plugin's wait without bounds", hour, 1, time.Minute, 1<<63 - 1, 0, journal.ReasonExpired},
		{"plugin says at once", hour, 1, time.Minute, 0, 100 * time.Millisecond, ""},
		{"clock went back", hour, 1, -time.Hour, noRetryAfter, 500 * time.Millisecond, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := received.Add(tt.age)
			d := &journal.Delivery{Attempt: tt.attempt, Received: received, Policy: tt.policy}
			at, reason := nextAttempt(d, now, tt.wait, 0.5)
			if reason != tt.wantReason {
				t.Fatalf("reason %q, want %q", reason, tt.wantReason)
			}
			if got := at.Sub(now); reason == "" && got != tt.want {
				t.Errorf("next attempt in %s, want %s", got, tt.want)
			}
		})
	}
}
