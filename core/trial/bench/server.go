package bench

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// server is a process under measurement.
type server struct {
	url  string
	stop func() error
}

// result is the result of wrk.
type result struct {
	rate, seconds float64
	p99           time.Duration
}

func startBare(ctx context.Context) (*server, error) {
	address, process, err := testbed.StartBare(ctx, "bench", path)
	if err != nil {
		return nil, err
	}
	return &server{url: "http://" + address + path, stop: process.Stop}, nil
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

// startRouter starts a router in the folder dir.
func startRouter(ctx context.Context, bin, dir string) (*testbed.Router, *server, error) {
	router, err := testbed.NewRouter(bin, dir, config, "BENCH_SECRET="+secret)
	if err != nil {
		return nil, nil, err
	}
	router.Args = []string{"--log-level", "warn"}
	return router, &server{url: router.Server + path, stop: router.Stop}, router.Start(ctx)
}

// wrk sends requests to the server for the given time.
func (s *server) wrk(ctx context.Context, d time.Duration, connections int, script string) (result, error) {
	cmd := exec.CommandContext(ctx, "wrk", "-t1", "-c"+fmt.Sprint(connections), "-d"+d.String(), "-s", script, s.url)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return result{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	return parseResult(string(out))
}

// delivered returns the number of delivery attempts from the router's metrics.
func delivered(ctx context.Context, r *testbed.Router) (float64, error) {
	m, err := r.Metrics(ctx)
	return m.Sum("pointsman_delivery_attempts_total"), err
}
