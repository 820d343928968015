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

// inspect looks at both objects of a difference that has no class yet. It returns one without a class when they are equal.
func (r *Run) inspect(ctx context.Context, d difference) (difference, error) {
	why, err := r.unequal(ctx, d)
	if gone(err) {
		why, err = "one of them went while they were compared", nil
	}
	if why != "" {
		d.class, d.why = Different, why
	}
	return d, err
}

// unequal says what is not equal, if anything.
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

// encrypted says whether the ETag is not of the bytes.
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
		// versitygw has a Content-Type of its own for keys that end in "/", which no copy could change.
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
			return "older than the source's, and the ETags do not tell", nil
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

// tags are sorted. A store that knows no tags has none.
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

// gone: there is no such object. HEAD's answer has no body, so the SDK's code for it is another.
func gone(err error) bool {
	_, head := errors.AsType[*types.NotFound](err)
	_, get := errors.AsType[*types.NoSuchKey](err)
	return head || get
}
