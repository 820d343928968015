package main

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pointsman/pointsman/core/config"
)

// stamp is a time to the second, in UTC as in JSON; empty without a time.
func stamp(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format(time.RFC3339)
}

// exactStamp is a time to the millisecond.
func exactStamp(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format("2006-01-02T15:04:05.000Z")
}

// moment is a time and how far it is from now: "2026-11-27T05:49:38Z (2m ago)".
func moment(t *timestamppb.Timestamp, now time.Time) string {
	if t == nil {
		return ""
	}
	return stamp(t) + " (" + relative(t, now) + ")"
}

// relative is how far a time is from now: "2m ago", "in 3h".
func relative(t *timestamppb.Timestamp, now time.Time) string {
	if t == nil {
		return ""
	}
	d := now.Sub(t.AsTime())
	if d < 0 {
		return "in " + rough(-d)
	}
	return rough(d) + " ago"
}

// rough is a duration in its largest unit.
func rough(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// brevity is a duration without its zero units: 24h0m0s is "24h".
func brevity(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// parseTime reads the value of a flag such as --since: a time, or how long ago. It returns nil for an empty value.
func parseTime(flag, value string, now time.Time) (*timestamppb.Timestamp, error) {
	if value == "" {
		return nil, nil
	}
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		return timestamppb.New(t), nil
	}
	d, err := config.ParseDuration(value)
	if err != nil {
		return nil, usageError(fmt.Errorf(`--%s %q: want how long ago, such as 2h or 7d, or a time such as 2026-11-27T05:00:00Z`, flag, value))
	}
	return timestamppb.New(now.Add(-d)), nil
}
