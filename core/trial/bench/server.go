package bench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// result is the result of one measurement.
type result struct {
	rate, seconds float64
	p99           time.Duration
	deliveries    float64 // per second, of the router
}

const config = `
source "intdash" "lab" {
  path    = "/hooks/intdash"
  secrets = [env("BENCH_SECRET")]
}

plugin "noop" "sink" {}

rule "all" {
  on   = ["lab"]
  when = event.data.resource_type == "measurement" && event.data.action == "completed"

  dispatch "sink" {
    text = "Measurement ${event.data.measurement_uuid} is complete"
  }
}
`

func measureBare(ctx context.Context, o options, connections int, script string) (result, error) {
	address, process, err := testbed.StartBare(ctx, "bench", path)
	if err != nil {
		return result{}, err
	}
	r, err := wrk(ctx, o.duration, connections, script, "http://"+address)
	return r, errors.Join(err, process.Stop())
}

func measureRouter(ctx context.Context, o options, dir string, connections int, script string) (r result, err error) {
	router, err := testbed.NewRouter(o.bin, dir, config, "BENCH_SECRET="+secret)
	if err != nil {
		return result{}, err
	}
	router.Args = []string{"--log-level", "warn"}
	if err := router.Start(ctx); err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, router.Stop()) }()
	if r, err = wrk(ctx, o.duration, connections, script, router.Server); err != nil {
		return result{}, err
	}
	m, err := router.Metrics(ctx)
	r.deliveries = m.Sum("pointsman_delivery_attempts_total") / r.seconds
	return r, err
}

// wrk sends requests to the server for the given time.
func wrk(ctx context.Context, d time.Duration, connections int, script, server string) (result, error) {
	cmd := exec.CommandContext(ctx, "wrk", "-t1", "-c"+fmt.Sprint(connections), "-d"+d.String(), "-s", script, server+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return result{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	return parseResult(string(out))
}
