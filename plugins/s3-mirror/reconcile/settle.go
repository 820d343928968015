package reconcile

import (
	"context"
	"errors"
	"strings"

	"github.com/pointsman/pointsman/plugins/s3-mirror/mirror"
	"github.com/pointsman/pointsman/plugins/sdk/amazon"
)

// Step is the outcome of one difference.
type Step struct {
	Key   string // the source's
	Class Class
	// Why the objects differ. May be empty.
	Why string
	// Result is empty on a dry run, for an extra object that is not deleted, and with an error.
	Result mirror.Result
	Err    error
}

// settle compares the objects themselves if the listings were not enough, then counts and repairs.
func (r *Run) settle(ctx context.Context, d difference) {
	step := Step{Key: d.key}
	if d.class == "" {
		d, step.Err = r.inspect(ctx, d)
	}
	if ctx.Err() != nil {
		return // the run ends before this object was compared
	}
	if d.class == "" && step.Err == nil {
		r.tally.count(&r.tally.s.Unchanged)
		return
	}
	step.Class, step.Why = d.class, d.why
	r.tally.found(d.class)
	if step.Err == nil && !r.DryRun && (d.class != Extra || r.Deletes) {
		step.Result, step.Err = r.repair(ctx, d)
	}
	if errors.Is(step.Err, context.Canceled) && ctx.Err() != nil {
		return
	}
	step.Err = plain(step.Err)
	r.tally.done(step, r.Report)
}

// attempts to copy an object that changes meanwhile.
const attempts = 3

var errChanges = errors.New("the object changes at the source faster than it can be copied: run again")

// repair converges until the source is the same before and after, so that no change is missed.
func (r *Run) repair(ctx context.Context, d difference) (mirror.Result, error) {
	seen := ""
	if d.source != nil {
		seen = d.source.ETag
	}
	for range attempts {
		result, err := r.Mirror.Converge(ctx, d.key, mirror.Hint{})
		if err != nil {
			return mirror.Result{}, err
		}
		now, err := r.sourceETag(ctx, d.key)
		if err != nil {
			return mirror.Result{}, err
		}
		if now == seen {
			return result, nil
		}
		seen = now
	}
	return mirror.Result{}, errChanges
}

// sourceETag returns "" if there is no object.
func (r *Run) sourceETag(ctx context.Context, key string) (string, error) {
	head, err := r.Source.head(ctx, strings.TrimPrefix(key, r.Source.Prefix))
	if gone(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return unquote(head.ETag), nil
}

// plain removes the SDK's own words. Errors of the mirror are already plain.
func plain(err error) error {
	if _, already := errors.AsType[*mirror.Error](err); already || err == nil {
		return err
	}
	return errors.New(amazon.Describe(err))
}
