package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/pointsman/pointsman/plugins/s3-mirror/mirror"
)

// Summary counts what a run found and did. Missing + Different + Extra is Repaired + Deleted + Failed + Left, except for the
// objects that an interrupted run did not reach, and for those that could not be compared, which are only in Failed.
type Summary struct {
	FormatVersion string `json:"format_version"`
	DryRun        bool   `json:"dry_run"`
	// Interrupted means that the run did not reach the end of the listings.
	Interrupted bool `json:"interrupted"`
	// Source and Destination are the numbers of objects listed.
	Source      int64 `json:"source"`
	Destination int64 `json:"destination"`
	// Ignored keys are left out by the mirror's filters.
	Ignored       int64 `json:"ignored"`
	Missing       int64 `json:"missing"`
	Different     int64 `json:"different"`
	Extra         int64 `json:"extra"`
	Repaired      int64 `json:"repaired"`
	RepairedBytes int64 `json:"repaired_bytes"`
	Deleted       int64 `json:"deleted"`
	Failed        int64 `json:"failed"`
	// Left are differences that remain: on a dry run, extra objects without deletes, and objects that had disappeared before
	// they could be repaired.
	Left      int64   `json:"left"`
	Unchanged int64   `json:"unchanged"`
	Seconds   float64 `json:"seconds"`
	// Failures are the first maxFailures.
	Failures []Failure `json:"failures"`
}

// Failure is a key that could not be compared or repaired.
type Failure struct {
	Key   string `json:"key"`
	Error string `json:"error"`
}

// FormatVersion of a Summary as JSON.
const FormatVersion = "1"

// String returns two lines for people.
func (s Summary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "listed %d at the source, %d at the destination: missing %d, different %d, extra %d\n",
		s.Source, s.Destination, s.Missing, s.Different, s.Extra)
	if s.DryRun {
		fmt.Fprintf(&b, "nothing was changed: this was a dry run; unchanged %d", s.Unchanged)
	} else {
		fmt.Fprintf(&b, "repaired %d (%s), deleted %d, failed %d, unchanged %d", s.Repaired, humanize.IBytes(uint64(s.RepairedBytes)), s.Deleted, s.Failed, s.Unchanged)
		if s.Left > 0 {
			fmt.Fprintf(&b, ", left %d", s.Left)
		}
	}
	if s.Ignored > 0 {
		fmt.Fprintf(&b, ", ignored by the filters %d", s.Ignored)
	}
	took := time.Duration(s.Seconds * float64(time.Second))
	fmt.Fprintf(&b, ", in %s", took.Round(10*time.Millisecond))
	return b.String()
}

const maxFailures = 10

// tally is the Summary of a run under way.
type tally struct {
	mu sync.Mutex
	s  Summary
}

// count increments a field of the Summary.
func (t *tally) count(field *int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*field++
}

func (t *tally) found(class Class) {
	switch class {
	case Missing:
		t.count(&t.s.Missing)
	case Different:
		t.count(&t.s.Different)
	case Extra:
		t.count(&t.s.Extra)
	}
}

// done counts a step. It calls report, which may be nil, with the lock held, so that reports do not overlap.
func (t *tally) done(s Step, report func(Step)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case s.Err != nil:
		t.s.Failed++
		if len(t.s.Failures) < maxFailures {
			t.s.Failures = append(t.s.Failures, Failure{Key: s.Key, Error: s.Err.Error()})
		}
	case s.Result.Action == mirror.Copied, s.Result.Action == mirror.Tagged:
		t.s.Repaired++
		t.s.RepairedBytes += s.Result.Bytes
	case s.Result.Action == mirror.Deleted:
		t.s.Deleted++
	default:
		t.s.Left++
	}
	if report != nil {
		report(s)
	}
}

// summary returns a copy.
func (t *tally) summary() Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.s
	s.Failures = slices.Clone(s.Failures)
	return s
}
