package redrive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"

	"github.com/pointsman/pointsman/core/trial/testbed"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// site is the router with the load on it.
type site struct {
	options
	router *testbed.Router
	load   *load
}

const (
	secret = "only-for-the-trial-of-retries-0123"

	broken = `settings { reject = "the settings are wrong" }`
	mended = ``
)

const config = `
source "intdash" "lab" {
  path    = "/hooks/lab"
  secrets = [env("TRIAL_SECRET")]
}

plugin "noop" "sink" {
  %s
}

rule "all" {
  on   = ["lab"]
  when = event.data.resource_type == "measurement" && event.data.action == "completed"

  dispatch "sink" {
    text = "Measurement ${event.data.measurement_uuid} is complete"
  }
}
`

// newSite starts a router whose plugin rejects everything.
func newSite(ctx context.Context, o options, dir string) (*site, error) {
	router, err := testbed.NewRouter(o.bin, dir, fmt.Sprintf(config, broken), "TRIAL_SECRET="+secret)
	if err != nil {
		return nil, err
	}
	router.Args = []string{"--log-level", "error"} // each dead letter is a warning
	s := &site{options: o, router: router, load: newLoad(router.Server)}
	return s, router.Start(ctx)
}

// makeDead makes the dead letters.
func (s *site) makeDead(ctx context.Context) error {
	if err := s.load.fill(s.dead); err != nil {
		return err
	}
	s.load.forget()
	return s.until(ctx, func(m testbed.Metrics) bool { return int(m.Sum("pointsman_dlq_events")) == s.dead })
}

// mend corrects the settings of the plugin.
func (s *site) mend(ctx context.Context) error {
	if err := s.router.Configure(fmt.Sprintf(config, mended)); err != nil {
		return err
	}
	_, err := s.router.API().Reload(ctx, connect.NewRequest(&adminv1.ReloadRequest{}))
	return err
}

// rest waits until all is delivered and returns what is left.
func (s *site) rest(ctx context.Context) (failed, left, done int, err error) {
	err = s.until(ctx, func(m testbed.Metrics) bool { return m.Sum("pointsman_queue_pending") == 0 })
	if err != nil {
		return 0, 0, 0, err
	}
	m, err := s.router.Metrics(ctx)
	return s.load.failed, int(m.Sum("pointsman_dlq_events")), int(m.Sum("pointsman_delivery_attempts_total", "result", "done")), err
}

// until polls the metrics.
func (s *site) until(ctx context.Context, ok func(testbed.Metrics) bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return testbed.Poll(ctx, 100*time.Millisecond, func() (bool, error) {
		m, err := s.router.Metrics(ctx)
		return err == nil && ok(m), err
	})
}

// close ends the load, and the router.
func (s *site) close() error {
	return errors.Join(s.load.stop(), s.router.Stop())
}
