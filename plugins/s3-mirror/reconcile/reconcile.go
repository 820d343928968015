// Package reconcile finds the differences between the two buckets of a mirror and lets the mirror repair them. Lost events, a
// router that was down, or a restored backup leave such differences.
//
// It lists both buckets side by side in the order of their keys, so it needs the memory of a few pages however many objects
// there are. It may run beside a router that mirrors the same buckets: every repair reads the current state of the source, and
// checks the source again afterwards.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/pointsman/pointsman/plugins/s3-mirror/mirror"
)

// Mirror is the part of *mirror.Mirror that a run uses.
type Mirror interface {
	Converge(ctx context.Context, sourceKey string, hint mirror.Hint) (mirror.Result, error)
	Wants(sourceKey string) bool
}

// Side is one of the two buckets.
type Side struct {
	Client         *s3.Client
	Bucket, Prefix string
	// List defaults to ListObjects of the fields above. Tests set it.
	List Listing
}

// Options of a run.
type Options struct {
	Mirror              Mirror
	Source, Destination Side
	// Prefix of the source keys to compare; it must begin with the source's own. Empty: all.
	Prefix string
	// Deletes deletes extra objects. Without it they are only counted.
	Deletes bool
	// EmptySource allows deletes although the source lists no objects.
	EmptySource bool
	// DryRun changes nothing.
	DryRun bool
	// Checksum reads both objects if their ETags do not show whether the bytes are equal.
	Checksum bool
	// Metadata compares content headers, user metadata and tags too.
	Metadata bool
	// Workers is the number of objects that are compared or repaired at a time. 0: mirror.DefaultConcurrency.
	Workers int
	// Report is called for every difference, by one goroutine at a time. May be nil.
	Report func(Step)
}

// Run is one comparison of the two buckets.
type Run struct {
	Options
	tally   tally
	started time.Time
}

// New returns an error if the options are invalid.
func New(o Options) (*Run, error) {
	if o.Prefix == "" {
		o.Prefix = o.Source.Prefix
	}
	within, ok := strings.CutPrefix(o.Prefix, o.Source.Prefix)
	if !ok {
		return nil, fmt.Errorf("prefix %q: the mirror's source has only keys that begin with %q", o.Prefix, o.Source.Prefix)
	}
	o.Source.Prefix = o.Prefix
	o.Destination.Prefix += within
	for _, s := range []*Side{&o.Source, &o.Destination} {
		if s.List == nil {
			s.List = ListObjects(s.Client, s.Bucket, s.Prefix)
		}
	}
	if o.Workers == 0 {
		o.Workers = mirror.DefaultConcurrency
	}
	r := &Run{Options: o, started: time.Now()}
	r.tally.s = Summary{FormatVersion: FormatVersion, DryRun: o.DryRun, Failures: []Failure{}}
	return r, nil
}

// Do compares and repairs. Call it once. The error is about the run as a whole, and the summary is valid with an error too;
// objects that could not be compared or repaired are counted in Summary.Failed.
func (r *Run) Do(ctx context.Context) (Summary, error) {
	differences := make(chan difference, r.Workers)
	group, running := errgroup.WithContext(ctx)
	source := r.cursor(running, group, "source", r.Source, &r.tally.s.Source)
	destination := r.cursor(running, group, "destination", r.Destination, &r.tally.s.Destination)
	group.Go(func() error {
		defer close(differences)
		return r.join(source, destination, func(d difference) error {
			select {
			case differences <- d:
				return nil
			case <-running.Done():
				return running.Err()
			}
		})
	})
	for range r.Workers {
		group.Go(func() error {
			for d := range differences {
				r.settle(running, d)
			}
			return nil
		})
	}
	err := group.Wait()
	if ctx.Err() != nil {
		err = errInterrupted
	}
	s := r.Summary()
	s.Interrupted = err != nil
	return s, err
}

var errInterrupted = errors.New("interrupted: the repairs so far remain, and the next run finds the rest")

// Summary returns the state of the run. It may be called while Do runs.
func (r *Run) Summary() Summary {
	s := r.tally.summary()
	s.Seconds = time.Since(r.started).Round(time.Millisecond).Seconds()
	return s
}
