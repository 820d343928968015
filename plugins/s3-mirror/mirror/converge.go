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

// starts is how often one call starts over because the object changes meanwhile.
const starts = 3

// Converge makes the destination's object equal to the source's: it copies an object that exists, and deletes (without
// Config.Deletes: leaves) one that does not. key is the source's. The error is an *Error.
func (m *Mirror) Converge(ctx context.Context, key string, hint Hint) (Result, error) {
	return m.run(ctx, key, func() (Result, error) { return m.converge(ctx, key, hint) })
}

// SyncTags copies the tags of the source's object to the destination's, or the whole object if the destination has none. The
// error is an *Error.
func (m *Mirror) SyncTags(ctx context.Context, key string) (Result, error) {
	return m.run(ctx, key, func() (Result, error) { return m.syncTags(ctx, key) })
}

// run applies the filters and the limit of objects in progress, starts over where that helps, and logs.
func (m *Mirror) run(ctx context.Context, key string, do func() (Result, error)) (Result, error) {
	if !m.Wants(key) {
		return Result{Action: Skipped, Why: "excluded by the prefix or the filters"}, nil
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

// again reports whether starting over can succeed at once.
func (m *Mirror) again(err error) bool {
	if !checksumRefused(err) {
		return errors.Is(err, errChanged)
	}
	if m.checksums.Swap(false) {
		m.log.Warn("the destination does not support checksums, continuing without", "bucket", m.config.Destination.Bucket, "error", amazon.Describe(err))
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

// changed returns the error of a second request for a source object. If the object is gone by now, the copy starts over.
func (m *Mirror) changed(key string, err error) error {
	if missing(err) {
		return errChanged
	}
	return m.sourceError(key, err)
}

// unreadable handles the error of a GET: it removes the destination's object if the source's does not exist.
func (m *Mirror) unreadable(ctx context.Context, key string, hint Hint, err error) (Result, error) {
	if !missing(err) {
		return Result{}, m.sourceError(key, err)
	}
	if hint.early() {
		return Result{}, &Error{
			RetryAfter: time.Second, Side: source, Bucket: m.config.Source.Bucket, Key: key,
			Err: fmt.Errorf("the event says that the object was created, but it does not exist: %s", amazon.Describe(err)),
		}
	}
	if !m.config.Deletes {
		return Result{Action: Skipped, Why: "the source has no such object, and deletes = false"}, nil
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
		return Result{Action: Unchanged, Why: "no such object on either side"}, nil
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
