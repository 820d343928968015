package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
	"github.com/pointsman/pointsman/plugins/slack/slacktest"
)

func tooFast(seconds string) slacktest.Answer {
	return slacktest.Answer{Status: 429, Body: "ratelimited", Header: http.Header{"Retry-After": {seconds}}}
}

// All wait as long as Slack says, those that come later too, and then leave in their order.
func TestLongRetryAfter(t *testing.T) {
	bubble(t, slacktest.Options{}, map[string]any{"burst": 1}, func(t *testing.T, r *rig) {
		r.slack.Next(tooFast("60"))
		ds, want := r.numbered(t, 6)
		began := time.Now()
		first := r.Send(ds[:4]...)
		for i, got := range append(first, r.Send(ds[4:]...)...) {
			if got.GetOutcome() != retry || got.GetRetryAfter().AsDuration() < 59*time.Second || !strings.Contains(got.GetMessage(), "comes in 1m") {
				t.Errorf("%d: %v", i, got)
			}
		}
		if n := r.slack.Requests(); n != 1 {
			t.Errorf("%d requests, want one for all of them", n)
		}
		for _, d := range ds {
			d.Attempt = 2
		}
		pause(time.Until(began.Add(time.Minute)))
		r.deliverAll(t, ds, 0)
		if got := r.texts(); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		if took := time.Since(began).Round(time.Second); took != 65*time.Second {
			t.Errorf("it took %s, want 60s and one second for each", took)
		}
	})
}

// A short pause costs no attempt.
func TestShortRetryAfter(t *testing.T) {
	bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
		r.slack.Next(tooFast("2"), tooFast(""))
		if got := r.Deliver(plugintest.Event(), hello)[0]; got.GetOutcome() != done {
			t.Errorf("got %v", got)
		}
		if n := r.slack.Requests(); n != 3 {
			t.Errorf("%d requests", n)
		}
	})
}

// What is posted so late that the router does not hear of it would be posted twice.
func TestSlowAnswers(t *testing.T) {
	bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
		r.slack.Next(slacktest.Answer{Silent: true})
		r.Timeout = 10*time.Second + reserve/2
		ds, _ := r.numbered(t, 3)
		for _, got := range r.Send(ds...) {
			if got.GetOutcome() != retry {
				t.Errorf("got %v", got)
			}
		}
		if n := r.slack.Requests(); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// More messages than a delivery has time for: each comes again once, when its turn has come.
func TestBacklog(t *testing.T) {
	bubble(t, slacktest.Options{Every: time.Second, Burst: 3}, nil, func(t *testing.T, r *rig) {
		ds, want := r.numbered(t, 200)
		r.deliverAll(t, ds, 0)
		if got := r.texts(); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		for _, d := range ds {
			if d.GetAttempt() > 3 {
				t.Errorf("delivery %s took %d attempts", d.GetId(), d.GetAttempt())
			}
		}
		if n := r.slack.Refused(); n > 3 {
			t.Errorf("%d requests were refused", n)
		}
	})
}

// Channels do not wait for one another.
func TestChannelsAreApart(t *testing.T) {
	bubble(t, slacktest.Options{Every: time.Second, Burst: 1}, byToken(), func(t *testing.T, r *rig) {
		began := time.Now()
		var arguments []string
		for i := range 20 {
			arguments = append(arguments, object(t, map[string]any{"text": "t", "channel": fmt.Sprint("C", i)}))
		}
		for _, got := range r.Deliver(plugintest.Event(), arguments...) {
			if got.GetOutcome() != done {
				t.Errorf("got %v", got)
			}
		}
		if took := time.Since(began); took > time.Second/2 || r.slack.Refused() > 0 {
			t.Errorf("it took %s, and %d were refused", took, r.slack.Refused())
		}
	})
}

// Who waits in line leaves it when the plugin has to stop, unsent.
func TestStopWhileWaiting(t *testing.T) {
	bubble(t, slacktest.Options{}, map[string]any{"rate": "1/m", "burst": 1}, func(t *testing.T, r *rig) {
		r.Timeout = time.Hour
		ds, _ := r.numbered(t, 3)
		wait := r.Post(ds...)
		synctest.Wait()
		pause(time.Second)
		r.Drain(10 * time.Second)
		results, err := wait()
		if err != nil {
			t.Fatal(err)
		}
		if results[0].GetOutcome() != done || results[1].GetOutcome() != retry || results[2].GetOutcome() != retry {
			t.Errorf("got %v", results)
		}
		if n := r.slack.Requests(); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// A panic in one turn is not the end of the lane.
func TestPanicEndsTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lane{pace: pace{time.Second, 1}}
		run := func(post func() time.Duration) (err error) {
			defer func() {
				if recover() != nil {
					err = errAbandoned
				}
			}()
			return l.run(t.Context(), newPlace(t.Context(), age{}, false), post)
		}
		if err := run(func() time.Duration { panic("x") }); err == nil {
			t.Error("no panic")
		}
		if err := run(func() time.Duration { return 0 }); err != nil {
			t.Error(err)
		}
	})
}

// Names of channels may come from events: the lanes of those that are idle are forgotten.
func TestLanesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := &lanes{pace: pace{time.Second, 3}, byName: map[string]*lane{}}
		busy := ls.of("busy")
		if err := busy.run(t.Context(), newPlace(t.Context(), age{}, false), func() time.Duration { return 0 }); err != nil {
			t.Fatal(err)
		}
		for i := range 3 * manyLanes {
			ls.of(fmt.Sprint(i))
		}
		if n := len(ls.byName); n > manyLanes {
			t.Errorf("%d lanes", n)
		}
		if ls.of("busy") != busy {
			t.Error("a lane was forgotten that has a message of this second to remember")
		}
	})
}

// A turn that comes in the same instant as the end is given to the next.
func TestQuitWithTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lane{pace: pace{time.Second, 1}}
		p := newPlace(t.Context(), age{}, false)
		p.turn = make(chan error, 1)
		l.join(p)
		pause(time.Second)
		l.quit(p)
		if err := l.run(t.Context(), newPlace(t.Context(), age{}, false), func() time.Duration { return 0 }); err != nil {
			t.Error(err)
		}
	})
}
