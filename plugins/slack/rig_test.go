package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
	"github.com/pointsman/pointsman/plugins/slack/slacktest"
)

const (
	done   = pluginv1.Outcome_OUTCOME_DONE
	retry  = pluginv1.Outcome_OUTCOME_RETRY
	reject = pluginv1.Outcome_OUTCOME_REJECT
)

// object is the JSON of settings or arguments.
func object(t testing.TB, v map[string]any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rig is the plugin beside a Slack, both in a bubble in which time passes only when everything waits.
type rig struct {
	*plugintest.Harness
	slack   *slacktest.Server
	handler *handler
}

// bubble runs a test in which nothing takes real time.
func bubble(t *testing.T, o slacktest.Options, config map[string]any, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{slack: slacktest.NewInMemory(t, o)}
		p := newPlugin()
		p.New = func(_ context.Context, s settings, in sdk.Instance) (sdk.Handler[arguments], error) {
			h, err := newHandler(s, in.Log, r.slack.Transport())
			r.handler = h
			return h, err
		}
		with := maps.Clone(config)
		if with["token"] != nil {
			with["api_url"] = r.slack.APIURL()
		} else {
			with = byWebhook(r.slack)
			maps.Copy(with, config)
		}
		r.Harness = plugintest.Start(t, p, object(t, with))
		test(t, r)
	})
}

func byWebhook(s *slacktest.Server) map[string]any {
	return map[string]any{"webhook_url": s.WebhookURL()}
}

func byToken() map[string]any {
	return map[string]any{"token": slacktest.Token, "channel": "C0123456789"}
}

// redeliver does what the router does: it sends a delivery, and again when the plugin asks for it, after as long as it says.
func (r *rig) redeliver(t *testing.T, d *pluginv1.Delivery) (wait func() (*pluginv1.Result, error)) {
	t.Helper()
	answer := r.Post(d)
	return func() (*pluginv1.Result, error) {
		for {
			results, err := answer()
			if err != nil || results[0].GetOutcome() != retry || d.GetAttempt() == 12 {
				return results[0], err
			}
			pause(results[0].GetRetryAfter().AsDuration())
			d.Attempt++
			answer = r.Post(d)
		}
	}
}

// deliverAll redelivers until all are done.
func (r *rig) deliverAll(t *testing.T, ds []*pluginv1.Delivery, between time.Duration) {
	t.Helper()
	var all sync.WaitGroup
	for _, d := range ds {
		wait := r.redeliver(t, d)
		all.Go(func() {
			if result, err := wait(); err != nil || result.GetOutcome() != done {
				t.Errorf("delivery %s: %v, %v", d.GetId(), result, err)
			}
		})
		pause(between)
	}
	all.Wait()
}

// numbered are n deliveries of events that came one after the other.
func (r *rig) numbered(t *testing.T, n int) (ds []*pluginv1.Delivery, texts []string) {
	t.Helper()
	for i := range n {
		env := plugintest.Event()
		env.ReceivedUnixNano = time.Now().UnixNano() + int64(i)
		ds = append(ds, r.NewDelivery(env, object(t, map[string]any{"text": fmt.Sprint(i)})))
		texts = append(texts, fmt.Sprint(i))
	}
	return ds, texts
}

// pause is real only outside of a bubble.
func pause(d time.Duration) { <-time.After(d) }

func (r *rig) texts() (texts []string) {
	for _, m := range r.slack.Accepted() {
		texts = append(texts, m.Text)
	}
	return texts
}

// notification is the seed's event.
func notification() *pointsmanv1.Envelope {
	return &pointsmanv1.Envelope{
		Id: "m-1", Source: "topics", Kind: "sns", Type: "sns.notification", Subject: "reporting-topic",
		Data: &pointsmanv1.Envelope_Sns{Sns: &pointsmanv1.SnsNotification{
			Topic: "reporting-topic", Subject: "SNS Notification", Message: "test message", Timestamp: "2024-05-01T12:34:57.000Z",
		}},
	}
}

var secret = schema.NewSecret
