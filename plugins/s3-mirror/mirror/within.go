package mirror

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// copyWithin lets the server copy: no byte comes here.
func (m *Mirror) copyWithin(ctx context.Context, key string, hint Hint) (Result, error) {
	head, err := m.source.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &m.config.Source.Bucket, Key: &key})
	if answerOf(err).status == http.StatusNotFound {
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
	if missing(err) || answerOf(err).status == http.StatusPreconditionFailed {
		return Result{}, errChanged
	}
	return r, err
}

// confirmGone asks with GET, because only its answer has a code: a HEAD's 404 may be the bucket's.
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
		WebsiteRedirectLocation: head.WebsiteRedirectLocation, // the one attribute that COPY leaves out
		StorageClass:            types.StorageClass(to.StorageClass), ServerSideEncryption: types.ServerSideEncryption(to.SSE),
		SSEKMSKeyId: written(to.KMSKeyID),
	})
	if err != nil {
		return Result{}, m.copyError(key, err)
	}
	r := Result{Action: Copied, Bytes: aws.ToInt64(head.ContentLength), VersionID: aws.ToString(out.VersionId), Why: "by the server itself"}
	if out.CopyObjectResult != nil {
		r.ETag = unquote(out.CopyObjectResult.ETag)
	}
	return r, nil
}

// copyError: what cannot be read is the source's fault, although the destination was asked.
func (m *Mirror) copyError(key string, err error) error {
	if answerOf(err).code == "InvalidObjectState" {
		return m.sourceError(key, err)
	}
	return m.destinationError(key, err)
}

// serverCopyParts is for objects that are too big for one CopyObject.
func (m *Mirror) serverCopyParts(ctx context.Context, key string, head *s3.HeadObjectOutput) (Result, error) {
	tags, err := m.sourceTags(ctx, key)
	if err != nil {
		return Result{}, m.sourceError(key, err)
	}
	in := attributes{
		side: m.config.Destination, contentType: head.ContentType, encoding: head.ContentEncoding, language: head.ContentLanguage,
		disposition: head.ContentDisposition, cache: head.CacheControl, redirect: head.WebsiteRedirectLocation,
		expires: head.ExpiresString, metadata: head.Metadata, tagging: form(tags),
	}
	p, err := m.begin(ctx, key, in)
	if err != nil {
		return Result{}, err
	}
	size := aws.ToInt64(head.ContentLength)
	if err := p.copy(ctx, size, head.ETag); err != nil {
		p.abort(ctx)
		return Result{}, err
	}
	return p.complete(ctx, size)
}

func (p *parts) copy(ctx context.Context, size int64, etag *string) error {
	partSize := max(p.m.serverPart, (size+maxParts-1)/maxParts)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.m.config.Concurrency)
	number := int32(0)
	for from := int64(0); from < size; from += partSize {
		number++
		part, last := number, min(from+partSize, size)-1
		group.Go(func() error {
			out, err := p.m.destination.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
				Bucket: &p.m.config.Destination.Bucket, Key: p.key, UploadId: p.id, PartNumber: &part,
				CopySource: p.m.copySource(p.source), CopySourceIfMatch: etag,
				CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", from, last)),
			})
			if err != nil {
				return p.m.copyError(p.source, err)
			}
			p.add(types.CompletedPart{PartNumber: &part, ETag: out.CopyPartResult.ETag, ChecksumCRC32: out.CopyPartResult.ChecksumCRC32})
			return nil
		})
	}
	return group.Wait()
}

// copySource escapes all that any server could unescape, + included.
func (m *Mirror) copySource(key string) *string {
	escaped := strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(key))
	return aws.String(m.config.Source.Bucket + "/" + escaped)
}
