package reconcile

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
)

// inspect compares both objects of a difference that has no class yet. The result has no class if they are equal.
func (r *Run) inspect(ctx context.Context, d difference) (difference, error) {
	why, err := r.unequal(ctx, d)
	if gone(err) {
		why, err = "one of them was deleted during the comparison", nil
	}
	if why != "" {
		d.class, d.why = Different, why
	}
	return d, err
}

// unequal returns what differs, "" if nothing does.
func (r *Run) unequal(ctx context.Context, d difference) (string, error) {
	same := d.sameBytes()
	if same != yes || r.Metadata {
		a, b, err := r.heads(ctx, d)
		if err != nil {
			return "", err
		}
		if same == no && (encrypted(a) || encrypted(b)) {
			same = unknown
		}
		if same == no {
			return "other bytes (ETag)", nil
		}
		if why := unequalHeaders(d.key, a, b); r.Metadata && why != "" {
			return why, nil
		}
	}
	if same == unknown {
		if why, err := r.unequalBytes(ctx, d); why != "" || err != nil {
			return why, err
		}
	}
	if r.Metadata {
		return r.unequalTags(ctx, d)
	}
	return "", nil
}

func (r *Run) heads(ctx context.Context, d difference) (a, b *s3.HeadObjectOutput, err error) {
	if a, err = r.Source.head(ctx, d.source.Key); err == nil {
		b, err = r.Destination.head(ctx, d.destination.Key)
	}
	return a, b, err
}

func (s Side) head(ctx context.Context, key string) (*s3.HeadObjectOutput, error) {
	return s.Client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.Bucket, Key: aws.String(s.Prefix + key)})
}

// encrypted reports whether the ETag is not an MD5 of the bytes.
func encrypted(h *s3.HeadObjectOutput) bool {
	return strings.HasPrefix(string(h.ServerSideEncryption), "aws:kms") || aws.ToString(h.SSECustomerAlgorithm) != ""
}

func unequalHeaders(key string, a, b *s3.HeadObjectOutput) string {
	for _, h := range []struct {
		name string
		a, b *string
	}{
		{"Content-Type", a.ContentType, b.ContentType},
		{"Content-Encoding", a.ContentEncoding, b.ContentEncoding},
		{"Content-Language", a.ContentLanguage, b.ContentLanguage},
		{"Content-Disposition", a.ContentDisposition, b.ContentDisposition},
		{"Cache-Control", a.CacheControl, b.CacheControl},
		{"Expires", a.ExpiresString, b.ExpiresString},
	} {
		// versitygw sets its own Content-Type for keys that end in "/", whatever a copy had.
		if h.name == "Content-Type" && strings.HasSuffix(key, "/") {
			continue
		}
		if aws.ToString(h.a) != aws.ToString(h.b) {
			return "other " + h.name
		}
	}
	if !maps.Equal(a.Metadata, b.Metadata) {
		return "other user metadata"
	}
	return ""
}

func (r *Run) unequalBytes(ctx context.Context, d difference) (string, error) {
	if !r.Checksum {
		if d.older() {
			return "older than the source's, and the ETags cannot be compared", nil
		}
		return "", nil
	}
	var a, b [sha256.Size]byte
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { a, err = r.Source.checksum(ctx, d.source.Key); return err })
	group.Go(func() (err error) { b, err = r.Destination.checksum(ctx, d.destination.Key); return err })
	if err := group.Wait(); err != nil || a == b {
		return "", err
	}
	return "other bytes (SHA-256)", nil
}

func (s Side) checksum(ctx context.Context, key string) (sum [sha256.Size]byte, err error) {
	out, err := s.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.Bucket, Key: aws.String(s.Prefix + key)})
	if err != nil {
		return sum, err
	}
	defer func() { _ = out.Body.Close() }()
	hash := sha256.New()
	_, err = io.Copy(hash, out.Body)
	hash.Sum(sum[:0])
	return sum, err
}

func (r *Run) unequalTags(ctx context.Context, d difference) (string, error) {
	a, err := r.Source.tags(ctx, d.source.Key)
	if err != nil {
		return "", err
	}
	b, err := r.Destination.tags(ctx, d.destination.Key)
	if err != nil || slices.Equal(a, b) {
		return "", err
	}
	return "other tags", nil
}

type tag struct{ key, value string }

// tags returns sorted tags, none if the store does not support them.
func (s Side) tags(ctx context.Context, key string) ([]tag, error) {
	out, err := s.Client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &s.Bucket, Key: aws.String(s.Prefix + key)})
	if refusal, _ := amazon.ErrorOf(err); refusal.Code == "NotImplemented" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tags := make([]tag, len(out.TagSet))
	for i, t := range out.TagSet {
		tags[i] = tag{aws.ToString(t.Key), aws.ToString(t.Value)}
	}
	slices.SortFunc(tags, func(a, b tag) int { return cmp.Compare(a.key, b.key) })
	return tags, nil
}

// gone reports whether there is no such object. A response to HEAD has no body, so the SDK has a code of its own for it.
func gone(err error) bool {
	_, head := errors.AsType[*types.NotFound](err)
	_, get := errors.AsType[*types.NoSuchKey](err)
	return head || get
}
