package redrive

import (
	"errors"
	"fmt"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// verdict is the result of a run.
type verdict struct {
	before, during, after window
	failed                int // requests
	left                  int // dead letters
	done, want            int // deliveries
}

// window is a span of time with the requests that were due in it.
type window struct {
	took  time.Duration
	times []time.Duration
	p99s  []time.Duration // of each second
}

// p99 is that of the median second. The disk, or another process, that stalls now and then moves the p99 of the whole window.
func (w window) p99() time.Duration { return testbed.Percentile(w.p99s, 50) }

func (w window) String() string {
	return fmt.Sprintf("p50 %s, p99 %s, of all %s, longest %s; %d events in %.1f s", testbed.Percentile(w.times, 50), w.p99(),
		testbed.Percentile(w.times, 99), testbed.Percentile(w.times, 100), len(w.times), w.took.Seconds())
}

// change is by how much the 99th percentile is higher during the re-drive than before, in per cent.
func (v verdict) change() float64 {
	return 100 * (float64(v.during.p99())/float64(v.before.p99()) - 1)
}

func (v verdict) String() string {
	goal := "reached"
	if v.change() >= goalChange {
		goal = "MISSED"
	}
	return fmt.Sprintf(`before: %s
during: %s
after:  %s
p99 of the median second changed by %+.0f %% (goal: less than %d %%, %s); %d requests failed, %d of %d deliveries done, %d dead letters left`,
		v.before, v.during, v.after, v.change(), goalChange, goal, v.failed, v.done, v.want, v.left)
}

// complaint returns the failed checks.
func (v verdict) complaint(o options) error {
	var broken []error
	if len(v.before.times) == 0 || len(v.during.times) == 0 {
		broken = append(broken, errors.New("nothing was measured"))
	}
	if v.failed > 0 {
		broken = append(broken, fmt.Errorf("%d requests failed", v.failed))
	}
	if v.left > 0 {
		broken = append(broken, fmt.Errorf("%d dead letters are left", v.left))
	}
	if v.done != v.want {
		broken = append(broken, fmt.Errorf("%d deliveries done, want %d", v.done, v.want))
	}
	if o.maxChange > 0 && v.change() > o.maxChange {
		broken = append(broken, fmt.Errorf("p99 changed by %+.0f %%, more than %.0f %%", v.change(), o.maxChange))
	}
	return errors.Join(broken...)
}
