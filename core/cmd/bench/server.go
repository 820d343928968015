package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pointsman/pointsman/core/cmd/internal/trial"
)

// server is one of the two processes that are measured.
type server struct {
	process    *exec.Cmd
	url, admin string
}

// result is what wrk saw.
type result struct {
	rate, seconds float64
	p99           time.Duration
}

func startBare(ctx context.Context) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	address, err := trial.FreeAddress()
	if err != nil {
		return nil, err
	}
	s := &server{process: exec.Command(self, "-bare", address), url: "http://" + address + path}
	s.process.Stderr = os.Stderr
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	return s, s.wait(ctx, s.url)
}

const config = `
server { listen = %q }
admin { listen = %q }
journal { path = %q }
plugins { dir = %q }

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

func startRouter(ctx context.Context, bin, dir string) (*server, error) {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	listen, err := trial.FreeAddress()
	if err != nil {
		return nil, err
	}
	admin, err := trial.FreeAddress()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "config.hcl")
	text := fmt.Sprintf(config, listen, admin, filepath.Join(dir, "journal.db"), bin)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	s := &server{
		process: exec.Command(filepath.Join(bin, "pointsman"), "run", file, "--log-level", "warn"),
		url:     "http://" + listen + path, admin: "http://" + admin,
	}
	s.process.Env = append(os.Environ(), "BENCH_SECRET="+secret)
	s.process.Stderr = os.Stderr
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	return s, s.wait(ctx, s.admin+"/readyz")
}

// wait returns when the server answers anything but "not ready". It stops the server when it does not within 20 s.
func (s *server) wait(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		resp, err := http.Get(url)
		if err == nil {
			_ = resp.Body.Close() // Only the status counts.
			if resp.StatusCode != http.StatusServiceUnavailable {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait for %s: %w", url, ctx.Err()), s.stop())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the server in good order and forgets that a signal ended it.
func (s *server) stop() error {
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := s.process.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() {
		return nil
	}
	return err
}

// wrk loads the server for the given time.
func (s *server) wrk(ctx context.Context, d time.Duration, connections int, script string) (result, error) {
	cmd := exec.CommandContext(ctx, "wrk", "-t1", "-c"+fmt.Sprint(connections), "-d"+d.String(), "-s", script, s.url)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return result{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	return parseResult(string(out))
}

// delivered asks the router how many deliveries its plugin has taken.
func (s *server) delivered(ctx context.Context) (float64, error) {
	return trial.Sum(ctx, s.admin, "pointsman_delivery_attempts_total")
}

// closeInto closes c and keeps the first error.
func closeInto(c io.Closer, err error) error { return errors.Join(err, c.Close()) }
