package dispatch

import (
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// withDefaults fills in what a policy leaves open. MaxAttempts stays 0: no limit but the age.
func withDefaults(p journal.Policy) journal.Policy {
	if p.MinBackoff <= 0 {
		p.MinBackoff = journal.DefaultPolicy.MinBackoff
	}
	if p.MaxBackoff <= 0 {
		p.MaxBackoff = journal.DefaultPolicy.MaxBackoff
	}
	p.MaxBackoff = max(p.MaxBackoff, p.MinBackoff)
	if p.MaxAge <= 0 {
		p.MaxAge = journal.DefaultPolicy.MaxAge
	}
	p.Timeout = timeout(p)
	return p
}

func timeout(p journal.Policy) time.Duration {
	if p.Timeout <= 0 {
		return journal.DefaultPolicy.Timeout
	}
	return p.Timeout
}

// patience is how long the router waits for an answer: the timeout that the plugin is told, and a moment more. A plugin that
// keeps to its deadline answers just after it, and knows better than the router what took so long; nor must it be taken for
// one that hangs.
func patience(p journal.Policy) time.Duration {
	t := timeout(p)
	return t + min(max(t/10, 50*time.Millisecond), time.Second)
}

// backoff is the delay after the given failed attempt (from 1): full jitter, that is random [0,1) times the ceiling, because
// equal delays would bring a crowd back as a crowd. A tenth of MinBackoff is the floor, so that a run of small random numbers
// is no busy loop.
func backoff(p journal.Policy, attempt int, random float64) time.Duration {
	ceiling := p.MinBackoff
	for i := 1; i < attempt && ceiling < p.MaxBackoff; i++ {
		ceiling *= 2
	}
	ceiling = min(ceiling, p.MaxBackoff)
	return max(time.Duration(random*float64(ceiling)), p.MinBackoff/10)
}

// nextAttempt decides what follows a failed attempt of d at now: a time, or the reason why there is no further attempt. Only a
// failed attempt ends a delivery: one that waited longer than its MaxAge, because router or plugin were down, is still tried.
//
// wait is what the plugin asked for; negative: nothing asked, use the schedule. A plugin's wait that ends beyond the budget ends
// the delivery, for trying earlier would break the plugin's word; the schedule's own delay is cut to the budget's end instead,
// so that the last attempt is made there.
func nextAttempt(d *journal.Delivery, now time.Time, wait time.Duration, random float64) (at time.Time, reason string) {
	p := withDefaults(d.Policy)
	if p.MaxAttempts > 0 && d.Attempt >= p.MaxAttempts {
		return time.Time{}, journal.ReasonExhausted
	}
	left := p.MaxAge - now.Sub(d.Received)
	if left <= 0 {
		return time.Time{}, journal.ReasonExpired
	}
	if wait < 0 {
		return now.Add(min(backoff(p, d.Attempt, random), left)), ""
	}
	if wait > left {
		return time.Time{}, journal.ReasonExpired
	}
	return now.Add(max(wait, p.MinBackoff/10)), ""
}
