package e2es3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/pointsman/pointsman/core/trial/s3bed"
)

const mib = 1 << 20

// multipart uploads 5 to 12 MiB in parts.
func (w *writer) multipart(ctx context.Context, key string) error {
	return w.upload(ctx, key, 5*mib, 5*mib+1+w.random.Int64N(7*mib))
}

// big uploads 64 MiB, which takes long enough to be overtaken or killed.
func (w *writer) big(ctx context.Context, key string) error { return w.upload(ctx, key, 8*mib, 64*mib) }

func (w *writer) upload(ctx context.Context, key string, part, size int64) error {
	if isFolder(key) {
		return w.putEmpty(ctx, key)
	}
	in := &s3.CreateMultipartUploadInput{Bucket: &w.bucket, Key: &key}
	in.ContentType, in.CacheControl, in.Metadata = w.metadata()
	return s3bed.Upload(ctx, w.client, in, size, part, w.content)
}
