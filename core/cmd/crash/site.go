package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pointsman/pointsman/core/cmd/internal/trial"
)

// site is the place where the router lives: its folder, its ports, its programs.
type site struct {
	dir, program string
	url, admin   string
	secret       string
	log          *os.File
}

const config = `
server { listen = %[1]q }
admin { listen = %[2]q }
journal { path = %[3]q }
plugins { dir = %[4]q }

source "intdash" "lab" {
  path    = "/hooks/intdash"
  secrets = [env("CRASH_SECRET")]
}

plugin "noop" "sink" {
  settings { record = %[5]q }
}

# Every sixteenth event is refused for good, to see that dead letters survive too.
rule "all" {
  on   = ["lab"]
  when = true

  dispatch "sink" {
    text = event.id
    mode = endswith(event.id, "0") ? "reject" : "ok"
  }
}
`

// newSite writes the configuration and picks free ports.
func newSite(bin, dir string) (*site, error) {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	server, err := trial.FreeAddress()
	if err != nil {
		return nil, err
	}
	admin, err := trial.FreeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "router.log"))
	if err != nil {
		return nil, err
	}
	s := &site{
		dir: dir, program: filepath.Join(bin, "pointsman"), log: log, secret: "only-for-the-crash-test-012345678",
		url: "http://" + server + "/hooks/intdash", admin: "http://" + admin,
	}
	text := fmt.Sprintf(config, server, admin, s.journal(), bin, s.record())
	return s, os.WriteFile(s.configFile(), []byte(text), 0o600)
}

func (s *site) configFile() string { return filepath.Join(s.dir, "config.hcl") }
func (s *site) journal() string    { return filepath.Join(s.dir, "journal.db") }
func (s *site) record() string     { return filepath.Join(s.dir, "delivered.txt") }

// startRouter runs the router and waits until it is ready.
func (s *site) startRouter(ctx context.Context) (*exec.Cmd, error) {
	router := exec.Command(s.program, "run", s.configFile(), "--log-format", "json")
	router.Env = append(os.Environ(), "CRASH_SECRET="+s.secret)
	router.Stdout, router.Stderr = s.log, s.log
	if err := router.Start(); err != nil {
		return nil, fmt.Errorf("start router (is it built? make build): %w", err)
	}
	if err := s.waitReady(ctx); err != nil {
		_ = router.Process.Kill() // It may be gone already.
		return nil, errors.Join(fmt.Errorf("router did not get ready, see %s: %w", s.log.Name(), err), router.Wait())
	}
	return router, nil
}

func (s *site) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return poll(ctx, 10*time.Millisecond, func() (bool, error) { return s.ready(), nil })
}

// ready is false also while nothing listens yet.
func (s *site) ready() bool {
	resp, err := http.Get(s.admin + "/readyz")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// liveAndDie lets one router live for the given time and kills it with SIGKILL.
func (s *site) liveAndDie(ctx context.Context, life time.Duration) error {
	router, err := s.startRouter(ctx)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(life):
	}
	if err := router.Process.Kill(); err != nil {
		return fmt.Errorf("router ended by itself, see %s: %w", s.log.Name(), err)
	}
	_ = router.Wait() // "signal: killed" is what we asked for.
	return ctx.Err()
}

// settle runs the router once more, without new events after a moment, until it owes nothing, and stops it in good order.
func (s *site) settle(ctx context.Context, endLoad func(), loadEnded <-chan struct{}) error {
	router, err := s.startRouter(ctx)
	if err != nil {
		return err
	}
	endLoad()
	<-loadEnded
	waiting, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	owed := func() (bool, error) {
		n, err := trial.Sum(waiting, s.admin, "pointsman_queue_pending")
		return n == 0, err
	}
	if err := poll(waiting, 100*time.Millisecond, owed); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("wait for deliveries: %w", err) // What is late stands in the ledger as pending.
	}
	if err := router.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := router.Wait(); err != nil {
		return fmt.Errorf("router did not stop in good order, see %s: %w", s.log.Name(), err)
	}
	return nil
}

// poll calls check until it says true, fails, or ctx ends.
func poll(ctx context.Context, every time.Duration, check func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		ok, err := check()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
