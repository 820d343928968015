package pluginhost

import (
	"math/rand/v2"
	"time"
)

const (
	backoffMin  = 500 * time.Millisecond
	backoffMax  = 30 * time.Second
	stableAfter = time.Minute // a process that was ready this long resets the backoff

	crashLimit  = 5
	crashWindow = 10 * time.Minute
	suspendTime = 10 * time.Minute
)

// restarts decides when a plugin that died is started again: exponential backoff, and a suspension after too many crashes.
// Callers pass the time, so that tests need no clock.
type restarts struct {
	failures int // since the last stable process
	crashes  []time.Time
	// jitter is in [0,1).
	jitter func() float64
}

func newRestarts() *restarts { return &restarts{jitter: rand.Float64} }

// died records that a process which was ready for uptime ended at now, or that a start failed (uptime 0). It returns how long
// to wait before the next start. The fifth crash within ten minutes suspends the plugin: a long wait, then a clean record.
func (r *restarts) died(now time.Time, uptime time.Duration) (wait time.Duration, suspend bool) {
	if uptime >= stableAfter {
		r.failures = 0
	}
	r.failures++
	r.crashes = append(r.crashes, now)
	for now.Sub(r.crashes[0]) >= crashWindow {
		r.crashes = r.crashes[1:]
	}
	if len(r.crashes) >= crashLimit {
		r.forget()
		return suspendTime, true
	}
	backoff := min(backoffMin<<(r.failures-1), backoffMax)
	return backoff/2 + time.Duration(r.jitter()*float64(backoff/2)), false
}

// forget clears the record.
func (r *restarts) forget() { r.failures, r.crashes = 0, nil }
