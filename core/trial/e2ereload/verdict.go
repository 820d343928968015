package e2ereload

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// verdict is the result of a run.
type verdict struct {
	results       []result
	load          counts
	books         ledger
	closed        int  // WebSocket connections, by the router
	replaced      bool // the process of the plugin that does not change
	before, after usage
}

// tally counts the reloads: those that succeeded and were refused as they must, and those that went otherwise.
func (v verdict) tally() (succeeded, refused int, wrong []result) {
	for _, r := range v.results {
		switch {
		case r.err != nil:
			wrong = append(wrong, r)
		case r.invalid():
			refused++
		default:
			succeeded++
		}
	}
	return succeeded, refused, wrong
}

// times returns the median and the longest time of the reloads by the API that did, or did not, start a plugin process. What the
// router refuses is left out.
func (v verdict) times(process bool) string {
	var all []time.Duration
	for _, r := range v.results {
		if r.err == nil && !r.invalid() && !r.hangup && r.process == process {
			all = append(all, r.took)
		}
	}
	return fmt.Sprintf("median %s, longest %s (%d)", testbed.Percentile(all, 50), testbed.Percentile(all, 100), len(all))
}

// byChange says how often each change was drawn.
func (v verdict) byChange() string {
	var parts []string
	for _, c := range changes {
		n := 0
		for _, r := range v.results {
			if r.name == c.name {
				n++
			}
		}
		parts = append(parts, fmt.Sprintf("%s %d", c.name, n))
	}
	return strings.Join(parts, ", ")
}

func (v verdict) String() string {
	succeeded, refused, wrong := v.tally()
	hangups := 0
	for _, r := range v.results {
		if r.hangup {
			hangups++
		}
	}
	return fmt.Sprintf(`reloads:     %d, %d of them by SIGHUP: %d succeeded, %d refused as they must be, %d went wrong
changes:     %s
no process:  %s, for reloads that start no plugin process
new process: %s
requests:    %d acknowledged, %d failed
WebSocket:   %d messages acknowledged, %d refused; %d connections closed
events:      %d acknowledged, %d lost; %d deliveries: %d pending, %d dead, %d doubled
rules:       %d deliveries by a rule of neither set, %d by a rule that their generation did not have, %d events of more than one generation, %d deliveries out of order
before:      %s
after:       %s
steady:      the process of the plugin that did not change is the same: %t`,
		len(v.results), hangups, succeeded, refused, len(wrong), v.byChange(), v.times(false), v.times(true),
		v.load.requests, v.load.failed, v.load.messages, v.load.refused, v.closed,
		v.books.acked, v.books.lost, v.books.deliveries, v.books.pending, v.books.dead, v.books.doubled,
		v.books.neither, v.books.stale, v.books.mixed, v.books.disordered, v.before, v.after, !v.replaced)
}

// complaint returns the failed checks.
func (v verdict) complaint() error {
	var broken []error
	none := func(n int, what string) {
		if n != 0 {
			broken = append(broken, fmt.Errorf("%d %s", n, what))
		}
	}
	succeeded, refused, wrong := v.tally()
	if succeeded == 0 || refused == 0 || v.load.requests == 0 || v.load.messages == 0 || v.books.acked == 0 {
		broken = append(broken, errors.New("too little was tried"))
	}
	none(len(wrong), "reloads went wrong")
	for _, r := range wrong[:min(len(wrong), 5)] {
		broken = append(broken, fmt.Errorf("reload (%s): %w", r.name, r.err))
	}
	none(v.load.failed, "requests failed")
	none(v.load.refused, "messages were refused")
	if err := v.load.firstError; err != nil {
		broken = append(broken, fmt.Errorf("the first of them: %w", err))
	}
	none(v.closed, "WebSocket connections were closed")
	none(v.books.lost, "acknowledged events are lost")
	none(v.books.pending, "deliveries are pending")
	none(v.books.dead, "deliveries are dead letters")
	none(v.books.doubled, "deliveries were made twice")
	none(v.books.neither, "deliveries are by a rule of neither set")
	none(v.books.stale, "deliveries are by a rule that their generation did not have")
	none(v.books.mixed, "events were decided by more than one generation")
	none(v.books.disordered, "deliveries were out of order")
	if v.replaced {
		broken = append(broken, errors.New("a plugin that did not change was restarted"))
	}
	if !v.after.flat(v.before) {
		broken = append(broken, fmt.Errorf("the use of resources grew: from %s to %s", v.before, v.after))
	}
	return errors.Join(broken...)
}
