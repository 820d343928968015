package pluginhost

import (
	"math/rand/v2"
	"time"
)

const (
	backoffMin  = 500 * time.Millisecond
	backoffMax  = 30 * time.Second
	stableAfter = time.Minute // a process that was ready this long starts the backoff anew

	crashLimit     = 5
	crashWindow    = 10 * time.Minute
	quarantineTime = 10 * time.Minute
)

// restarts decides when a plugin that died is started again. It has no clock of its own.
type restarts struct {
	failures int // since the last stable process
	crashes  []time.Time
	// jitter is in [0,1).
	jitter func() float64
}

func newRestarts() *restarts { return &restarts{jitter: rand.Float64} }

// died records the end of a process, or a start that failed, at now after it was ready for uptime. It returns how long to
// wait before the next start. The fifth death within ten minutes quarantines: a long wait, after which all is forgotten.
func (r *restarts) died(now time.Time, uptime time.Duration) (wait time.Duration, quarantine bool) {
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
		return quarantineTime, true
	}
	backoff := min(backoffMin<<(r.failures-1), backoffMax)
	return backoff/2 + time.Duration(r.jitter()*float64(backoff/2)), false
}

// forget starts with a clean record.
func (r *restarts) forget() { r.failures, r.crashes = 0, nil }
