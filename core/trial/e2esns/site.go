package e2esns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/pointsman/pointsman/core/source/snsmessage/snssend"
	"github.com/pointsman/pointsman/core/trial/testbed"
	"github.com/pointsman/pointsman/plugins/slack/slacktest"
)

const arn = "arn:aws:sns:ap-northeast-1:123456789012:reporting-topic"

const config = `
source "sns" "alarms" {
  topics              = [%q]
  insecure_cert_hosts = [%q]
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("E2E_WEBHOOK")
    channel     = "general"
    rate        = "%d/s"
  }
}

rule "all" {
  on   = ["alarms"]
  when = event.type == "sns.notification"

  dispatch "ops" {}
}
`

// site is the fake topic, the fake Slack and the router between them.
type site struct {
	options options
	topic   *snssend.Topic
	at      string // host:port of the topic
	sns     *http.Server
	slack   *slacktest.Server
	router  *testbed.Router
}

func newSite(ctx context.Context, o options, dir string) (*site, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &site{options: o, at: listener.Addr().String(), slack: slacktest.Start(slacktest.Options{Every: o.every})}
	if s.topic, err = snssend.NewTopic(arn, s.at); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s.sns = &http.Server{Handler: s.topic, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.sns.Serve(listener) }() // until close
	text := fmt.Sprintf(config, arn, s.at, max(1, time.Second/o.every))
	if s.router, err = testbed.NewRouter(o.bin, dir, text, "E2E_WEBHOOK="+s.slack.WebhookURL()); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.router.Start(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// close ends everything that is still running.
func (s *site) close() error {
	err := s.router.Close()
	s.slack.Close()
	return errors.Join(err, s.sns.Close())
}

// post sends the router a body as SNS does, once, and returns the status of the response.
func (s *site) post(ctx context.Context, body []byte) (status int, err error) {
	req, err := snssend.NewRequest(ctx, s.router.Server+"/hooks/alarms", body)
	if err != nil {
		return 0, err
	}
	return testbed.Send(http.DefaultClient, req)
}

// deliver sends a body until the router accepts it. Like SNS it retries without a response and after 5xx and 429 only.
func (s *site) deliver(ctx context.Context, body []byte) error {
	return testbed.Poll(ctx, 50*time.Millisecond, func() (bool, error) {
		status, err := s.post(ctx, body)
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil, status >= 500, status == http.StatusTooManyRequests:
			return false, nil //nolint:nilerr // retried
		case status == http.StatusOK:
			return true, nil
		}
		return false, fmt.Errorf("the router responded %d to a valid message", status)
	})
}

// wait waits until Slack has n messages and no delivery is pending.
func (s *site) wait(ctx context.Context, n int) error {
	return s.await(ctx, func(ctx context.Context) (bool, error) {
		if len(s.slack.Accepted()) < n {
			return false, nil
		}
		pending, err := s.router.Pending(ctx)
		return pending == 0, err
	})
}

// await polls until ok or the timeout. A timeout is no error, because the verdict shows what is missing.
func (s *site) await(ctx context.Context, ok func(context.Context) (bool, error)) error {
	waiting, cancel := context.WithTimeout(ctx, s.options.timeout)
	defer cancel()
	err := testbed.Poll(waiting, 20*time.Millisecond, func() (bool, error) { return ok(waiting) })
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}
