// Package bench benchmarks signed webhook requests over HTTP, from request to 204. It compares the whole router, in which every
// event matches a rule and is delivered to a plugin, with a bare net/http handler that only reads and verifies the same
// requests. wrk (Debian's package) generates the load on the same machine.
package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// options of one run.
type options struct {
	bin, connections string
	duration         time.Duration
}

// Command returns the subcommand.
func Command() *cobra.Command {
	var o options
	cmd := testbed.Command("bench", "benchmark signed webhook requests against a bare HTTP handler", &o.bin, func(ctx context.Context, dir string) error { return run(ctx, o, dir) })
	flags := cmd.Flags()
	flags.StringVar(&o.connections, "connections", "1,16,64,256", "numbers of connections, separated by commas")
	flags.DurationVar(&o.duration, "duration", 6*time.Second, "duration of each measurement")
	cmd.AddCommand(testbed.BareCommand(serveBare))
	return cmd
}

// run measures both servers and prints a line for each number of connections.
func run(ctx context.Context, o options, dir string) error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("wrk is not installed: apt-get install wrk")
	}
	fmt.Println("HTTP: signed requests per second with response 204; wrk on the same machine")
	fmt.Printf("%11s  %12s  %12s  %6s  %10s  %10s  %14s\n", "connections", "bare", "pointsman", "ratio", "bare p99", "p99", "deliveries/s")
	for c := range strings.SplitSeq(o.connections, ",") {
		n, err := strconv.Atoi(c)
		if err != nil {
			return fmt.Errorf("--connections: %w", err)
		}
		if err := measure(ctx, o, filepath.Join(dir, c), n); err != nil {
			return err
		}
	}
	return nil
}

// measure prints one line of the table. It starts a router with a journal of its own.
func measure(ctx context.Context, o options, dir string, connections int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// More than the router can accept in that time. A request sent twice would be a duplicate, which costs less.
	send, err := writeRequests(dir, int(o.duration.Seconds()*40_000))
	if err != nil {
		return err
	}
	base, err := measureBare(ctx, o, connections, send.cycle)
	if err != nil {
		return err
	}
	got, err := measureRouter(ctx, o, dir, connections, send.once)
	if err != nil {
		return err
	}
	fmt.Printf("%11d  %12.0f  %12.0f  %5.0f%%  %10s  %10s  %14.0f\n", connections, base.rate, got.rate, 100*got.rate/base.rate,
		base.p99, got.p99, got.deliveries)
	return nil
}

// serveBare is the baseline: it reads the body, verifies the signature and responds 204.
func serveBare(address string) error {
	server := &http.Server{Addr: address, Handler: http.HandlerFunc(bareHandler), ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}
