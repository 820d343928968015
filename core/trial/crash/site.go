package crash

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// site is a router whose plugin records its deliveries in a file.
type site struct {
	*testbed.Router
	secret string
}

const config = `
source "intdash" "lab" {
  path    = "/hooks/intdash"
  secrets = [env("CRASH_SECRET")]
}

plugin "noop" "sink" {
  settings { record = %q }
}

# Every sixteenth event is rejected, to check that dead letters survive too.
rule "all" {
  on   = ["lab"]
  when = true

  dispatch "sink" {
    text = event.id
    mode = endswith(event.id, "0") ? "reject" : "ok"
  }
}
`

// newSite writes the configuration.
func newSite(bin, dir string) (*site, error) {
	s := &site{secret: "only-for-the-crash-test-012345678"}
	router, err := testbed.NewRouter(bin, dir, fmt.Sprintf(config, recordIn(dir)), "CRASH_SECRET="+s.secret)
	s.Router = router
	return s, err
}

func recordIn(dir string) string { return filepath.Join(dir, "delivered.txt") }

// liveAndDie starts a router and kills it with SIGKILL after the given time.
func (s *site) liveAndDie(ctx context.Context, life time.Duration) error {
	if err := s.Start(ctx); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(life):
	}
	if err := s.Kill(); err != nil {
		return err
	}
	return ctx.Err()
}

// settle starts the router again, ends the load, waits until no delivery is pending, and stops the router.
func (s *site) settle(ctx context.Context, endLoad func(), loadEnded <-chan struct{}) error {
	if err := s.Start(ctx); err != nil {
		return err
	}
	endLoad()
	<-loadEnded
	waiting, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	nothingPending := func() (bool, error) {
		n, err := s.Pending(waiting)
		return n == 0, err
	}
	if err := testbed.Poll(waiting, 100*time.Millisecond, nothingPending); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("wait for deliveries: %w", err) // after a timeout the ledger counts them as pending
	}
	return s.Stop()
}
