package main

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"testing"
	"testing/synctest"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
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
		p.New = func(_ context.Context, s settings, _ sdk.Instance) (sdk.Handler[arguments], error) {
			h, err := newHandler(s, r.slack.Transport())
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

// redelivering does what the router does: it sends a delivery again when the plugin asks for it, after as long as it says.
func (r *rig) redeliver(t *testing.T, d *pluginv1.Delivery) (*pluginv1.Result, error) {
	t.Helper()
	for d.GetAttempt() < 12 {
		results, err := r.Post(d)()
		if err != nil {
			return nil, err
		}
		if results[0].GetOutcome() != retry {
			return results[0], nil
		}
		pause(results[0].GetRetryAfter().AsDuration())
		d.Attempt++
	}
	return nil, errors.New("it was not delivered in 12 attempts")
}

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
