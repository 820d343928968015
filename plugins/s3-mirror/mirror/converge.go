package mirror

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
)

// starts is how often one call begins anew because the object changes under its hands.
const starts = 3

// Converge makes the destination's object what the source's is now: copied when there is one, deleted (or, without
// Config.Deletes, left alone) when there is none. key is the source's. The error is an *Error.
func (m *Mirror) Converge(ctx context.Context, key string, hint Hint) (Result, error) {
	return m.run(ctx, key, func() (Result, error) { return m.converge(ctx, key, hint) })
}

// SyncTags makes the tags of the destination's object those of the source's, and converges the whole object when it is not
// there. The error is an *Error.
func (m *Mirror) SyncTags(ctx context.Context, key string) (Result, error) {
	return m.run(ctx, key, func() (Result, error) { return m.syncTags(ctx, key) })
}

// run is what both have in common: filters, the limit of objects under way, new starts and the log.
func (m *Mirror) run(ctx context.Context, key string, do func() (Result, error)) (Result, error) {
	if !m.Wants(key) {
		return Result{Action: Skipped, Why: "the prefix or the filters leave it out"}, nil
	}
	if err := m.objects.Acquire(ctx, 1); err != nil {
		return Result{}, m.sourceError(key, err)
	}
	defer m.objects.Release(1)
	began := time.Now()
	var err error
	for range starts {
		var r Result
		if r, err = do(); err == nil {
			m.log.Debug("converged", "key", key, "action", string(r.Action), "bytes", r.Bytes, "took", time.Since(began))
			return r, nil
		}
		if !m.again(err) {
			break
		}
	}
	return Result{}, m.sourceError(key, err)
}

// again says whether a new start can succeed at once.
func (m *Mirror) again(err error) bool {
	if !checksumRefused(err) {
		return errors.Is(err, errChanged)
	}
	if m.checksums.Swap(false) {
		m.log.Warn("the destination takes no checksums; going on without", "bucket", m.config.Destination.Bucket, "error", amazon.Describe(err))
	}
	return true
}

func (m *Mirror) converge(ctx context.Context, key string, hint Hint) (r Result, err error) {
	asOf := m.now()
	if m.within {
		r, err = m.copyWithin(ctx, key, hint)
	} else {
		r, err = m.copyThrough(ctx, key, hint)
	}
	r.AsOf = asOf
	return r, err
}

// copyThrough reads from one server and writes to the other.
func (m *Mirror) copyThrough(ctx context.Context, key string, hint Hint) (Result, error) {
	s, err := m.open(ctx, key)
	if err != nil {
		return m.unreadable(ctx, key, hint, err)
	}
	defer s.Close()
	var tags []types.Tag
	if aws.ToInt32(s.TagCount) > 0 {
		if tags, err = m.sourceTags(ctx, key); err != nil {
			return Result{}, m.changed(key, err)
		}
	}
	return m.upload(ctx, s, m.attributesOf(s.GetObjectOutput, tags))
}

// changed is an error of a second look at a source object: gone by now means a new start.
func (m *Mirror) changed(key string, err error) error {
	if missing(err) {
		return errChanged
	}
	return m.sourceError(key, err)
}

// unreadable decides by the error of a GET: gone, or an error.
func (m *Mirror) unreadable(ctx context.Context, key string, hint Hint, err error) (Result, error) {
	if !missing(err) {
		return Result{}, m.sourceError(key, err)
	}
	if hint.early() {
		return Result{}, &Error{
			RetryAfter: time.Second, Side: source, Bucket: m.config.Source.Bucket, Key: key,
			Err: fmt.Errorf("the event says that it was created, and it is not there: %s", amazon.Describe(err)),
		}
	}
	if !m.config.Deletes {
		return Result{Action: Skipped, Why: "it is gone at the source, and deletes = false"}, nil
	}
	return m.remove(ctx, key)
}

func (m *Mirror) remove(ctx context.Context, key string) (Result, error) {
	out, err := m.destination.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &m.config.Destination.Bucket, Key: aws.String(m.DestinationKey(key)),
	})
	switch {
	case err == nil:
		return Result{Action: Deleted, VersionID: aws.ToString(out.VersionId)}, nil
	case missing(err):
		return Result{Action: Unchanged, Why: "it is gone on both sides"}, nil
	}
	return Result{}, m.destinationError(key, err)
}

func (m *Mirror) syncTags(ctx context.Context, key string) (Result, error) {
	tags, err := m.sourceTags(ctx, key)
	if missing(err) {
		return m.converge(ctx, key, Hint{})
	}
	if err != nil {
		return Result{}, m.sourceError(key, err)
	}
	err = m.putTags(ctx, aws.String(m.DestinationKey(key)), tags)
	if missing(err) {
		return m.converge(ctx, key, Hint{})
	}
	if err != nil {
		return Result{}, m.destinationError(key, err)
	}
	return Result{Action: Tagged, Why: fmt.Sprintf("%d tags", len(tags))}, nil
}

func (m *Mirror) putTags(ctx context.Context, key *string, tags []types.Tag) error {
	if len(tags) == 0 {
		_, err := m.destination.DeleteObjectTagging(ctx, &s3.DeleteObjectTaggingInput{Bucket: &m.config.Destination.Bucket, Key: key})
		return err
	}
	_, err := m.destination.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{
		Bucket: &m.config.Destination.Bucket, Key: key, Tagging: &types.Tagging{TagSet: tags},
	})
	return err
}
