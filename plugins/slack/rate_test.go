package main

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
	"github.com/pointsman/pointsman/plugins/slack/slacktest"
)

// pause is real only outside of a bubble.
func pause(d time.Duration) { <-time.After(d) }

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
				var all sync.WaitGroup
				var want []string
				for i := range 30 {
					text := fmt.Sprintf("message %d", i)
					want = append(want, text)
					env := plugintest.Event()
					env.ReceivedUnixNano = time.Now().UnixNano()
					d := r.NewDelivery(env, object(t, map[string]any{"text": text}))
					all.Go(func() {
						if result, err := r.redeliver(t, d); err != nil || result.GetOutcome() != done {
							t.Errorf("%s: %v, %v", text, result, err)
						}
					})
					pause(time.Second / 30)
				}
				all.Wait()
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
		var ds []*pluginv1.Delivery
		var want []string
		for i := range 25 {
			want = append(want, fmt.Sprint(i))
			ds = append(ds, r.NewDelivery(plugintest.Event(), object(t, map[string]any{"text": fmt.Sprint(i)})))
		}
		r.Timeout = time.Minute
		for _, d := range ds {
			d.Timeout.Seconds = 60
		}
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
