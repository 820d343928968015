package dispatch

import (
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// withDefaults fills in the unset fields of a policy. MaxAttempts 0 stays: the age is the only limit.
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

// graceDeadline is when the router stops waiting for the answer to a delivery sent at now: the plugin's own timeout and a tenth
// more. A plugin that keeps its deadline answers just after it, with a better explanation than "no answer", and must not count as
// one that hangs.
func graceDeadline(p journal.Policy, now time.Time) time.Time {
	t := timeout(p)
	return now.Add(t + min(max(t/10, 50*time.Millisecond), time.Second))
}

// backoff is the delay after the given failed attempt (from 1): full jitter, that is random [0,1) times the ceiling, because
// deliveries that failed together must not all come back together. The floor is a tenth of MinBackoff, so that small random
// numbers do not make a busy loop.
func backoff(p journal.Policy, attempt int, random float64) time.Duration {
	ceiling := p.MinBackoff
	for i := 1; i < attempt && ceiling < p.MaxBackoff; i++ {
		ceiling *= 2
	}
	ceiling = min(ceiling, p.MaxBackoff)
	return max(time.Duration(random*float64(ceiling)), p.MinBackoff/10)
}

// nextAttempt returns when to retry after an attempt of d failed at now, or the reason why there is no further attempt. Only a
// failed attempt can end a delivery: one that exceeded its MaxAge while router or plugin were down is still tried once.
//
// wait is the plugin's retry_after, or noRetryAfter. If it ends after MaxAge the delivery ends now, because an earlier attempt
// would ignore the plugin's request. The schedule's own delay is shortened instead, so that the last attempt happens at MaxAge.
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
