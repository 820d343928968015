package e2esns

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/plugins/slack/slacktest"
)

// firstPosted is the expected request to Slack for the first message, byte by byte.
const firstPosted = `{"text":"SNS Notification","channel":"general","username":"slack-webhook-client","icon_emoji":":+1:","attachments":[` +
	`{"fallback":"SNS Notification","text":"","pretext":"reporting-topic","color":"good","fields":[` +
	`{"title":"message","value":"test message","short":false},{"title":"timestamp","value":"2024-05-01T12:34:57Z","short":false}]}]}`

// subscribe requests confirmation of the subscription.
func (s *site) subscribe(ctx context.Context, v *verdict) error {
	body, err := s.topic.Body(time.Now(), "2", snsmessage.Message{Type: snsmessage.SubscriptionConfirmation})
	if err != nil {
		return err
	}
	err = s.deliver(ctx, body)
	v.confirmed = s.topic.Confirmed()
	return err
}

// first publishes the message whose request to Slack is compared byte by byte.
func (s *site) first(ctx context.Context, v *verdict) error {
	body, err := s.topic.Body(time.Date(2024, 5, 1, 12, 34, 57, 0, time.UTC), "1", snsmessage.Message{Message: "test message"})
	if err != nil {
		return err
	}
	if err := s.deliver(ctx, body); err != nil {
		return err
	}
	if err := s.wait(ctx, 1); err != nil {
		return err
	}
	if posted := s.slack.Accepted(); len(posted) == 1 {
		v.first = string(posted[0].Body)
	}
	return nil
}

// burst publishes many messages in one second.
func (s *site) burst(ctx context.Context, v *verdict) error {
	before := len(s.slack.Accepted())
	begin := time.Now()
	if err := s.publish(ctx, "burst", func(int) error { return nil }); err != nil {
		return err
	}
	published := time.Since(begin)
	if err := s.wait(ctx, before+s.options.messages); err != nil {
		return err
	}
	v.burst = s.arrived("burst", before)
	v.refused = s.slack.Refused()
	fmt.Printf("burst: published in %s, all in Slack after %s\n", published.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond))
	return nil
}

// killed publishes the same number again, and kills the router after a third is published and after half is in Slack.
func (s *site) killed(ctx context.Context, v *verdict) error {
	before := len(s.slack.Accepted())
	err := s.publish(ctx, "killed", func(i int) error {
		if i != s.options.messages/3 {
			return nil
		}
		return s.killRouter(ctx)
	})
	if err != nil {
		return err
	}
	half := func(context.Context) (bool, error) {
		return len(s.slack.Accepted()) >= before+s.options.messages/2, nil
	}
	if err := s.await(ctx, half); err != nil {
		return err
	}
	if err := s.killRouter(ctx); err != nil {
		return err
	}
	if err := s.wait(ctx, before+s.options.messages); err != nil {
		return err
	}
	v.killed = s.arrived("killed", before)
	return nil
}

func (s *site) killRouter(ctx context.Context) error {
	if err := s.router.Kill(); err != nil {
		return err
	}
	return s.router.Start(ctx)
}

// end reads the number of dead letters and stops the router.
func (s *site) end(ctx context.Context, v *verdict) error {
	m, err := s.router.Metrics(ctx)
	if err != nil {
		return err
	}
	v.dead = int(m.Sum("pointsman_dlq_events"))
	return s.router.Stop()
}

// publish publishes numbered messages within one second. It calls meanwhile before each.
func (s *site) publish(ctx context.Context, name string, meanwhile func(i int) error) error {
	begin := time.Now()
	for i := range s.options.messages {
		<-time.After(time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(s.options.messages))))
		body, err := s.topic.Body(time.Now(), "2", snsmessage.Message{Message: numbered(name, i)})
		if err != nil {
			return err
		}
		if err := meanwhile(i); err != nil {
			return err
		}
		if err := s.deliver(ctx, body); err != nil {
			return err
		}
	}
	return nil
}

func numbered(name string, i int) string { return fmt.Sprintf("%s %02d", name, i) }

// arrived compares the messages in Slack, from the given one on, with the published ones.
func (s *site) arrived(name string, from int) arrival {
	var texts []string
	for _, m := range s.slack.Accepted()[from:] {
		texts = append(texts, textOf(m))
	}
	a := arrival{of: s.options.messages, ordered: slices.IsSorted(texts)}
	for i := range s.options.messages {
		n := 0
		for _, text := range texts {
			if text == numbered(name, i) {
				n++
			}
		}
		a.arrived += min(n, 1)
		a.again += max(n-1, 0)
	}
	return a
}

// textOf returns the SNS message in a request to Slack.
func textOf(m slacktest.Message) string {
	var posted struct {
		Attachments []struct{ Fields []struct{ Value string } }
	}
	if json.Unmarshal(m.Body, &posted) != nil || len(posted.Attachments) == 0 || len(posted.Attachments[0].Fields) == 0 {
		return ""
	}
	return posted.Attachments[0].Fields[0].Value
}
