package mirror

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// copyWithin lets the server copy, so that no data passes through this process.
func (m *Mirror) copyWithin(ctx context.Context, key string, hint Hint) (Result, error) {
	head, err := m.source.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &m.config.Source.Bucket, Key: &key})
	if responseOf(err).Status == http.StatusNotFound {
		return m.confirmGone(ctx, key, hint)
	}
	if err != nil {
		return Result{}, m.sourceError(key, err)
	}
	do := m.serverCopy
	if aws.ToInt64(head.ContentLength) > m.maxServerCopy {
		do = m.serverCopyParts
	}
	r, err := do(ctx, key, head)
	if missing(err) || responseOf(err).Status == http.StatusPreconditionFailed {
		return Result{}, errChanged
	}
	return r, err
}

// confirmGone sends a GET, because only its response has a code: the 404 of a HEAD may mean the bucket.
func (m *Mirror) confirmGone(ctx context.Context, key string, hint Hint) (Result, error) {
	s, err := m.open(ctx, key)
	if err != nil {
		return m.unreadable(ctx, key, hint, err)
	}
	s.Close()
	return Result{}, errChanged
}

func (m *Mirror) serverCopy(ctx context.Context, key string, head *s3.HeadObjectOutput) (Result, error) {
	to := m.config.Destination
	out, err := m.destination.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &to.Bucket, Key: aws.String(m.DestinationKey(key)), CopySource: m.copySource(key), CopySourceIfMatch: head.ETag,
		MetadataDirective: types.MetadataDirectiveCopy, TaggingDirective: types.TaggingDirectiveCopy,
		WebsiteRedirectLocation: head.WebsiteRedirectLocation, // the only attribute that COPY does not copy
		StorageClass:            types.StorageClass(to.StorageClass), ServerSideEncryption: types.ServerSideEncryption(to.SSE),
		SSEKMSKeyId: written(to.KMSKeyID),
	})
	if err != nil {
		return Result{}, m.copyError(key, err)
	}
	r := Result{Action: Copied, Bytes: aws.ToInt64(head.ContentLength), VersionID: aws.ToString(out.VersionId), Why: "by the server"}
	if out.CopyObjectResult != nil {
		r.ETag = unquote(out.CopyObjectResult.ETag)
	}
	return r, nil
}

// copyError blames the source if the object cannot be read, although the request went to the destination.
func (m *Mirror) copyError(key string, err error) error {
	if responseOf(err).Code == "InvalidObjectState" {
		return m.sourceError(key, err)
	}
	return m.destinationError(key, err)
}

// copySource escapes everything that a server could unescape, including +.
func (m *Mirror) copySource(key string) *string {
	escaped := strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(key))
	return aws.String(m.config.Source.Bucket + "/" + escaped)
}
