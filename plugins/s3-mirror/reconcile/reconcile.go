// Package reconcile finds what differs between the two buckets of a mirror, and has the mirror repair it: what a lost
// event, a time without a router or a restored backup has left behind.
//
// It lists both buckets side by side in the order of their keys, so it needs the memory of a few pages however many objects
// there are. It may run beside a router that mirrors the same buckets: every repair reads the source's current state, and
// looks at the source again afterwards.
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

// Mirror is what a run needs of a *mirror.Mirror.
type Mirror interface {
	Converge(ctx context.Context, sourceKey string, hint mirror.Hint) (mirror.Result, error)
	Wants(sourceKey string) bool
}

// Side is one of the two buckets.
type Side struct {
	Client         *s3.Client
	Bucket, Prefix string
	// List is ListObjects of the above unless a test says otherwise.
	List Listing
}

// Options are what a run does.
type Options struct {
	Mirror              Mirror
	Source, Destination Side
	// Prefix of the source keys to look at; begins with the source's own. Empty: all.
	Prefix string
	// Deletes lets extra objects be deleted. Without it they are counted.
	Deletes bool
	// EmptySource allows deletes although the source has nothing at all.
	EmptySource bool
	// DryRun changes nothing.
	DryRun bool
	// Checksum reads both objects where the listing cannot tell whether their bytes are the same.
	Checksum bool
	// Metadata compares content headers, user metadata and tags too.
	Metadata bool
	// Workers is how many objects are looked at or repaired at a time. 0: mirror.DefaultConcurrency.
	Workers int
	// Say is called for every difference, by one goroutine at a time. May be nil.
	Say func(Step)
}

// Run is one comparison of the two buckets.
type Run struct {
	Options
	counts  counts
	failed  failures
	started time.Time
}

// New checks the options.
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
	return &Run{Options: o, started: time.Now()}, nil
}

// Do compares and repairs, once. The summary says how far it came, with an error too, which is about the run and not about
// single objects: those that could not be looked at or repaired are counted in Summary.Failed.
func (r *Run) Do(ctx context.Context) (Summary, error) {
	differences := make(chan difference, r.Workers)
	group, running := errgroup.WithContext(ctx)
	source := r.cursor(running, group, "source", r.Source, &r.counts.source)
	destination := r.cursor(running, group, "destination", r.Destination, &r.counts.destination)
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

var errInterrupted = errors.New("stopped before the end; what was repaired stays repaired, and another run finds the rest")

// Summary is what a run has come to by now. It may be called while Do is at work.
func (r *Run) Summary() Summary {
	s := r.counts.summary()
	s.DryRun = r.DryRun
	s.Seconds = time.Since(r.started).Round(time.Millisecond).Seconds()
	s.Failures = r.failed.first()
	return s
}
