package testbed

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// maxBehind is how far the workers of Pace may fall behind.
const maxBehind = 30 * time.Second

// Pace calls do at a fixed rate, in calls per second, until ctx ends, and returns after the last call has ended. do gets the number
// of its worker and the time at which the call was due. A call that is due while all workers are busy waits for one and is not left
// out: a slow server does not lower the offered rate, and the wait counts when the duration is measured from the due time.
func Pace(ctx context.Context, rate float64, workers int, do func(worker int, due time.Time)) error {
	due := make(chan time.Time, max(1, int(rate*maxBehind.Seconds())))
	var working sync.WaitGroup
	for i := range workers {
		working.Go(func() {
			for t := range due {
				do(i, t)
			}
		})
	}
	err := schedule(ctx, rate, due)
	close(due)
	working.Wait()
	return err
}

// schedule sends the time of each call when it has come.
func schedule(ctx context.Context, rate float64, due chan<- time.Time) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	start := time.Now()
	for n := 0; ; n++ {
		next := start.Add(time.Duration(float64(n) / rate * float64(time.Second)))
		timer.Reset(time.Until(next))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		select {
		case due <- next:
		default:
			return errors.New("the router is more than " + maxBehind.String() + " behind the offered rate")
		}
	}
}

// Percentile returns the p-th percentile, 0 of none.
func Percentile(times []time.Duration, p int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)].Round(10 * time.Microsecond)
}
