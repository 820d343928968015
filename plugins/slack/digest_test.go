package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
	"github.com/pointsman/pointsman/plugins/slack/slacktest"
)

// digested are n deliveries that want a digest, of events a second apart.
func (r *rig) digested(t *testing.T, n int, digest map[string]any) (ds []*pluginv1.Delivery) {
	t.Helper()
	began := time.Now()
	for i := range n {
		env := plugintest.Event()
		env.ReceivedUnixNano = began.Add(time.Duration(i) * time.Second).UnixNano()
		ds = append(ds, r.NewDelivery(env, object(t, map[string]any{"text": fmt.Sprintf("event <%d>", i+1), "digest": digest})))
	}
	return ds
}

// await fails the test unless all results have the outcome, and returns the first.
func await(t *testing.T, wait func() ([]*pluginv1.Result, error), want pluginv1.Outcome) *pluginv1.Result {
	t.Helper()
	results, err := wait()
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range results {
		if got.GetOutcome() != want || got.GetReceipt() != results[0].GetReceipt() || got.GetMessage() != results[0].GetMessage() {
			t.Errorf("got %v", got)
		}
	}
	return results[0]
}

func TestDigest(t *testing.T) {
	bubble(t, slacktest.Options{}, byToken(), func(t *testing.T, r *rig) {
		r.Timeout = 5 * time.Minute
		began := time.Now()
		many := r.Post(r.digested(t, 12, map[string]any{"window": "25s"})...)
		other := r.Post(r.digested(t, 2, map[string]any{"key": "<other>", "window": "10s", "first": 1})...)
		single := r.Post(r.digested(t, 1, map[string]any{"key": "single", "window": "20s"})...)

		if got := await(t, other, done); got.GetReceipt() == "" || time.Since(began).Round(time.Second) != 10*time.Second {
			t.Errorf("got %v after %s", got, time.Since(began))
		}
		await(t, single, done)
		await(t, many, done)
		if took := time.Since(began).Round(time.Second); took != 25*time.Second {
			t.Errorf("it took %s, want the window", took)
		}
		if diff := cmp.Diff([]string{
			"2 events (&lt;other&gt;) from 00:00:00 to 00:00:01 UTC:\n• event &lt;1&gt;\n…and 1 more",
			"event &lt;1&gt;",
			"12 events (test) from 00:00:00 to 00:00:11 UTC:\n• event &lt;1&gt;\n• event &lt;2&gt;\n• event &lt;3&gt;\n• event &lt;4&gt;\n• event &lt;5&gt;\n…and 7 more",
		}, r.texts()); diff != "" {
			t.Error(diff)
		}
	})
}

// What comes after a digest has gone opens another.
func TestNextDigest(t *testing.T) {
	bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
		r.Timeout = 5 * time.Minute
		for range 2 {
			await(t, r.Post(r.digested(t, 2, map[string]any{"window": "5s"})...), done)
		}
		if got := r.texts(); len(got) != 2 {
			t.Errorf("got %q", got)
		}
	})
}

// The router does not wait longer than the timeout of a delivery: a digest goes before the earliest.
func TestDigestGoesBeforeADeadline(t *testing.T) {
	bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
		began := time.Now()
		r.Timeout = time.Hour
		first := r.Post(r.digested(t, 1, map[string]any{"window": "10m"})...)
		synctest.Wait()
		r.Timeout = 30 * time.Second
		second := r.Post(r.digested(t, 1, map[string]any{"window": "10m"})...)
		await(t, first, done)
		await(t, second, done)
		if took := time.Since(began).Round(time.Second); took != 20*time.Second || len(r.slack.Accepted()) != 1 {
			t.Errorf("%d messages after %s, want one after 20s", len(r.slack.Accepted()), took)
		}
	})
}

// One fate for all.
func TestDigestFails(t *testing.T) {
	for _, c := range []struct {
		answer slacktest.Answer
		want   pluginv1.Outcome
	}{
		{slacktest.Answer{Status: 500, Body: "rollup_error"}, retry},
		{slacktest.Answer{Status: 410, Body: "channel_is_archived"}, reject},
		{tooFast("600"), retry},
	} {
		t.Run(c.answer.Body, func(t *testing.T) {
			bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
				r.slack.Next(c.answer)
				ds := r.digested(t, 7, map[string]any{"window": "1s"})
				failed := await(t, r.Post(ds...), c.want)
				if len(r.slack.Accepted()) != 0 || failed.GetMessage() == "" {
					t.Errorf("%v, and %d messages", failed, len(r.slack.Accepted()))
				}
				if c.want == reject {
					return
				}
				pause(failed.GetRetryAfter().AsDuration())
				for _, d := range ds {
					d.Attempt++
				}
				await(t, r.Post(ds...), done)
				if got := r.texts(); len(got) != 1 || !strings.HasPrefix(got[0], "7 events") {
					t.Errorf("got %q", got)
				}
			})
		})
	}
}

// When no more can come, there is nothing to wait for.
func TestFullDigest(t *testing.T) {
	bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
		r.Timeout = time.Hour
		began := time.Now()
		await(t, r.Post(r.digested(t, maxInFlight, map[string]any{"window": "10m"})...), done)
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
		if got := r.texts(); len(got) != 1 || !strings.HasPrefix(got[0], "1024 events") {
			t.Errorf("got %.200q", got)
		}
	})
}

// 100 long entries fit into one message, and no escape is cut in two.
func TestLongDigest(t *testing.T) {
	bubble(t, slacktest.Options{}, byToken(), func(t *testing.T, r *rig) {
		r.Timeout = time.Hour
		var ds []*pluginv1.Delivery
		for range 120 {
			ds = append(ds, r.NewDelivery(plugintest.Event(), object(t, map[string]any{
				"text": strings.Repeat("&", 5_000), "digest": map[string]any{"first": 100, "window": "1s"},
			})))
		}
		await(t, r.Post(ds...), done)
		text := r.texts()[0]
		if strings.Count(text, mark) != 100 || loose.MatchString(text) || !strings.HasSuffix(text, "…and 20 more") {
			t.Errorf("got %.500q", text)
		}
	})
}

func TestDrainSendsAtOnce(t *testing.T) {
	bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
		r.Timeout = time.Hour
		began := time.Now()
		waiting := r.Post(r.digested(t, 3, map[string]any{"window": "10m"})...)
		synctest.Wait()
		r.handler.Drain()
		await(t, waiting, done)
		await(t, r.Post(r.digested(t, 1, map[string]any{"window": "10m"})...), done) // nothing waits any more
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %s", took)
		}
		if got := r.texts(); len(got) != 2 || !strings.HasPrefix(got[0], "3 events") {
			t.Errorf("got %q", got)
		}
	})
}

// When the plugin must stop before the window ends, the digest leaves at once and its deliveries are done.
func TestStopWhileADigestWaits(t *testing.T) {
	bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
		r.Timeout = time.Hour
		waiting := r.Post(r.digested(t, 3, map[string]any{"window": "10m"})...)
		synctest.Wait()
		if _, err := r.Client.Drain(t.Context(), &pluginv1.DrainRequest{}); err != nil {
			t.Fatal(err)
		}
		await(t, waiting, done)
		if got := r.texts(); len(got) != 1 || !strings.HasPrefix(got[0], "3 events") {
			t.Errorf("got %q", got)
		}
	})
}
