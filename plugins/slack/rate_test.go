package main

import (
	"slices"
	"testing"
	"time"

	"github.com/pointsman/pointsman/plugins/slack/slacktest"
)

// The promise: 30 messages within a second to a Slack that allows one a second.
func TestThirtyMessagesInOneSecond(t *testing.T) {
	for _, c := range []struct {
		name    string
		burst   int
		timeout time.Duration
	}{
		{"strict", 1, 30 * time.Second},
		{"tolerant", 3, 30 * time.Second},
		{"little time for each", 1, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, slacktest.Options{Every: time.Second, Burst: c.burst}, nil, func(t *testing.T, r *rig) {
				r.Timeout = c.timeout
				ds, want := r.numbered(t, 30)
				r.deliverAll(t, ds, time.Second/30)
				if got := r.texts(); !slices.Equal(got, want) {
					t.Errorf("got %q", got)
				}
				if n := r.slack.Refused(); n > 3 {
					t.Errorf("%d requests were refused, want at most 3", n)
				}
			})
		})
	}
}

// Deliveries of one message are handed to as many goroutines at once.
func TestOrderOfOneBatch(t *testing.T) {
	bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
		r.Timeout = time.Minute
		ds, want := r.numbered(t, 25)
		for _, result := range r.Send(ds...) {
			if result.GetOutcome() != done {
				t.Errorf("got %v", result)
			}
		}
		if got := r.texts(); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	})
}
