package e2es3

import (
	"bytes"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const mib = 1 << 20

// multipart uploads 5 to 12 MiB in parts.
func (w *writer) multipart(ctx context.Context, key string) error {
	return w.upload(ctx, key, 5*mib, 5*mib+1+w.random.IntN(7*mib))
}

// big uploads 64 MiB, which takes long enough to be overtaken or killed.
func (w *writer) big(ctx context.Context, key string) error { return w.upload(ctx, key, 8*mib, 64*mib) }

func (w *writer) upload(ctx context.Context, key string, part, size int) error {
	if isFolder(key) {
		return w.putEmpty(ctx, key)
	}
	in := &s3.CreateMultipartUploadInput{Bucket: &w.bucket, Key: &key}
	in.ContentType, in.CacheControl, in.Metadata = w.metadata()
	created, err := w.client.CreateMultipartUpload(ctx, in)
	if err != nil {
		return err
	}
	var parts []types.CompletedPart
	for ; size > 0; size -= part {
		number := aws.Int32(int32(len(parts) + 1))
		out, err := w.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &w.bucket, Key: &key, UploadId: created.UploadId, PartNumber: number,
			Body: bytes.NewReader(w.content(min(part, size))),
		})
		if err != nil {
			return err
		}
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: number})
	}
	_, err = w.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &w.bucket, Key: &key, UploadId: created.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}
