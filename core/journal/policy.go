package journal

import "time"

// Policy is the retry policy of a delivery. A dispatch block of the configuration sets it, it is stored with the delivery, and
// no later configuration changes it. There is no other type for it on the way.
type Policy struct {
	// MaxAttempts is 0 for no limit.
	MaxAttempts int
	// MaxAge counts from Delivery.Received.
	MaxAge                 time.Duration
	MinBackoff, MaxBackoff time.Duration
	// Timeout is for one attempt.
	Timeout time.Duration
}

// DefaultPolicy holds the value of each field that a configuration leaves open, and of each that is zero in a journal.
var DefaultPolicy = Policy{MaxAge: 24 * time.Hour, MinBackoff: time.Second, MaxBackoff: 5 * time.Minute, Timeout: 30 * time.Second}
