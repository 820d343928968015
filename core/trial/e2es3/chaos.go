package e2es3

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// moments returns the numbers of operations after which to kill: random, spread over the whole load.
func moments(random *rand.Rand, kills, ops int) []int64 {
	at := make([]int64, kills)
	for i := range at {
		at[i] = int64(float64(ops) * (float64(i) + 0.1 + 0.8*random.Float64()) / float64(kills))
	}
	return at
}

// chaos kills the plugin and the router in turn, each kills times, during the load. It restarts the router; the router restarts
// the plugin.
func (s *site) chaos(ctx context.Context, load *workload, kills, ops int) error {
	random := rand.New(rand.NewPCG(load.seed, 3))
	for i, at := range moments(random, 2*kills, ops) {
		err := testbed.Poll(ctx, 5*time.Millisecond, func() (bool, error) { return load.done.Load() >= at, nil })
		if err != nil {
			return err
		}
		victim := s.killRouter
		if i%2 == 0 {
			victim = s.killPlugin
		}
		what, err := victim(ctx)
		if err != nil {
			return fmt.Errorf("kill %d: %w", i+1, err)
		}
		fmt.Printf("kill %2d: %-6s after %5d operations, %5d events\n", i+1, what, load.done.Load(), s.proxy.events.Load())
	}
	return nil
}

func (s *site) killRouter(ctx context.Context) (string, error) {
	if err := s.router.Kill(); err != nil {
		return "", err
	}
	return "router", s.router.Start(ctx)
}

// killPlugin waits until the plugin runs, because the router may just be starting it, and kills it.
func (s *site) killPlugin(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	err := testbed.Poll(ctx, 10*time.Millisecond, func() (bool, error) {
		pid, err := s.router.Plugin("s3-mirror")
		if errors.Is(err, testbed.ErrNoProcess) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		return true, syscall.Kill(pid, syscall.SIGKILL)
	})
	return "plugin", err
}
