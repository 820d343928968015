package main

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestRelative(t *testing.T) {
	now := time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "0s ago", 59 * time.Second: "59s ago", 150 * time.Second: "2m ago", 47 * time.Hour: "47h ago", 72 * time.Hour: "3d ago",
		-90 * time.Minute: "in 1h",
	} {
		if got := relative(timestamppb.New(now.Add(-d)), now); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)
	for value, want := range map[string]string{
		"2h": "2026-11-27T04:00:00Z", "7d": "2026-11-20T06:00:00Z", "1d12h": "2026-11-25T18:00:00Z",
		"2026-11-27T05:00:00+01:00": "2026-11-27T04:00:00Z", "": "", "yesterday": "error", "-2h": "error", "2026-11-27": "error",
	} {
		got, err := parseTime("since", value, now)
		if (err != nil) != (want == "error") || err == nil && stamp(got) != want {
			t.Errorf("%q is %q (%v), want %q", value, stamp(got), err, want)
		}
	}
}

func TestBrevity(t *testing.T) {
	for d, want := range map[time.Duration]string{
		24 * time.Hour: "24h", 5 * time.Minute: "5m", 10 * time.Second: "10s", 90 * time.Second: "1m30s", 70 * time.Minute: "1h10m",
		time.Hour + time.Second: "1h0m1s", 100 * time.Millisecond: "100ms", 0: "0s",
	} {
		if got := brevity(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
