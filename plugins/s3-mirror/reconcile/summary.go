package reconcile

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/pointsman/pointsman/plugins/s3-mirror/mirror"
)

// Summary is what a run found and did. Missing + Different + Extra is what was repaired, deleted, has failed or was left, but
// for what a run that was interrupted had no time for, and objects that could not be compared, which have failed only.
type Summary struct {
	FormatVersion string `json:"format_version"`
	DryRun        bool   `json:"dry_run"`
	// Interrupted: the run did not come to the end of the listings.
	Interrupted bool `json:"interrupted"`
	// Source and Destination are the numbers of objects listed.
	Source      int64 `json:"source"`
	Destination int64 `json:"destination"`
	// Ignored are keys that the mirror's filters leave out.
	Ignored       int64 `json:"ignored"`
	Missing       int64 `json:"missing"`
	Different     int64 `json:"different"`
	Extra         int64 `json:"extra"`
	Repaired      int64 `json:"repaired"`
	RepairedBytes int64 `json:"repaired_bytes"`
	Deleted       int64 `json:"deleted"`
	Failed        int64 `json:"failed"`
	// Left are differences that nothing was done about: on a dry run, extra objects without deletes, and those that were no
	// longer there when their turn came.
	Left      int64   `json:"left"`
	Unchanged int64   `json:"unchanged"`
	Seconds   float64 `json:"seconds"`
	// Failures are the first few.
	Failures []Failure `json:"failures"`
}

// Failure is a key that could not be compared or repaired.
type Failure struct {
	Key   string `json:"key"`
	Error string `json:"error"`
}

// FormatVersion of a Summary as JSON.
const FormatVersion = "1"

// String is two lines for people.
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

// counts are read while the run goes on.
type counts struct {
	source, destination, ignored, unchanged atomic.Int64
	missing, different, extra               atomic.Int64
	repaired, bytes, deleted, failed, left  atomic.Int64
}

func (c *counts) found(class Class) {
	switch class {
	case Missing:
		c.missing.Add(1)
	case Different:
		c.different.Add(1)
	case Extra:
		c.extra.Add(1)
	}
}

func (c *counts) done(s Step) {
	switch {
	case s.Err != nil:
		c.failed.Add(1)
	case s.Result.Action == mirror.Copied, s.Result.Action == mirror.Tagged:
		c.repaired.Add(1)
		c.bytes.Add(s.Result.Bytes)
	case s.Result.Action == mirror.Deleted:
		c.deleted.Add(1)
	default:
		c.left.Add(1)
	}
}

func (c *counts) summary() Summary {
	return Summary{
		FormatVersion: FormatVersion, Source: c.source.Load(), Destination: c.destination.Load(), Ignored: c.ignored.Load(),
		Missing: c.missing.Load(), Different: c.different.Load(), Extra: c.extra.Load(), Repaired: c.repaired.Load(),
		RepairedBytes: c.bytes.Load(), Deleted: c.deleted.Load(), Failed: c.failed.Load(), Left: c.left.Load(),
		Unchanged: c.unchanged.Load(),
	}
}

// failures keeps the first few, and lets one step at a time be said.
type failures struct {
	mu   sync.Mutex
	list []Failure
}

const shownFailures = 10

func (f *failures) add(s Step, say func(Step)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.Err != nil && len(f.list) < shownFailures {
		f.list = append(f.list, Failure{Key: s.Key, Error: s.Err.Error()})
	}
	if say != nil {
		say(s)
	}
}

func (f *failures) first() []Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Failure{}, f.list...)
}
