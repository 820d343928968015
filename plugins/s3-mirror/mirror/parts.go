package mirror

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// serverCopyParts copies an object that is too big for one CopyObject.
func (m *Mirror) serverCopyParts(ctx context.Context, key string, head *s3.HeadObjectOutput) (Result, error) {
	tags, err := m.sourceTags(ctx, key)
	if err != nil {
		return Result{}, m.sourceError(key, err)
	}
	p, err := m.begin(ctx, key, m.attributesOf(&s3.GetObjectOutput{
		ContentType: head.ContentType, ContentEncoding: head.ContentEncoding, ContentLanguage: head.ContentLanguage,
		ContentDisposition: head.ContentDisposition, CacheControl: head.CacheControl, WebsiteRedirectLocation: head.WebsiteRedirectLocation,
		ExpiresString: head.ExpiresString, Metadata: head.Metadata,
	}, tags))
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

// parts is a multipart upload whose parts the server copies itself. The SDK's transfer manager does not support that.
type parts struct {
	m      *Mirror
	source string // key
	key    *string
	id     *string

	mu   sync.Mutex
	done []types.CompletedPart
}

func (m *Mirror) begin(ctx context.Context, key string, a attributes) (*parts, error) {
	in := a.create()
	in.Bucket, in.Key = &m.config.Destination.Bucket, aws.String(m.DestinationKey(key))
	if m.checksums.Load() {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32
	}
	out, err := m.destination.CreateMultipartUpload(ctx, in, a.headers())
	if err != nil {
		return nil, m.destinationError(key, err)
	}
	return &parts{m: m, source: key, key: in.Key, id: out.UploadId}, nil
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

func (p *parts) add(c types.CompletedPart) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = append(p.done, c)
}

func (p *parts) complete(ctx context.Context, size int64) (Result, error) {
	slices.SortFunc(p.done, func(a, b types.CompletedPart) int { return cmp.Compare(*a.PartNumber, *b.PartNumber) })
	out, err := p.m.destination.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &p.m.config.Destination.Bucket, Key: p.key, UploadId: p.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: p.done},
	})
	if err != nil {
		p.abort(ctx)
		return Result{}, p.m.destinationError(p.source, err)
	}
	return Result{Action: Copied, Bytes: size, ETag: unquote(out.ETag), VersionID: aws.ToString(out.VersionId)}, nil
}

// abort removes the parts that the destination has stored, also after the deadline of the delivery.
func (p *parts) abort(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	u := uploader{m: p.m, Client: p.m.destination}
	_, _ = u.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &p.m.config.Destination.Bucket, Key: p.key, UploadId: p.id}) // it logs
}
