package benchs3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
)

// bench holds the two servers of the measurements.
type bench struct {
	options
	dir                 string
	source, destination *s3test.Server
}

func newBench(ctx context.Context, o options, dir string) (*bench, error) {
	b := &bench{options: o, dir: dir}
	var err error
	if b.source, err = s3test.StartMinIO(ctx, filepath.Join(dir, "source"), nil); err != nil {
		return nil, err
	}
	if b.destination, err = s3test.StartVersityGW(ctx, filepath.Join(dir, "destination"), s3test.VersityOptions{KeepAlive: true}); err != nil {
		return nil, errors.Join(err, b.source.Stop())
	}
	return b, nil
}

func (b *bench) stop() error { return errors.Join(b.destination.Stop(), b.source.Stop()) }

func makeBucket(ctx context.Context, s *s3test.Server, name string) error {
	_, err := s.Client().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
	return err
}

// fill creates the bucket at the source and writes incompressible objects. Every round copies the same objects.
func (b *bench) fill(ctx context.Context, bucket string, l load) error {
	if err := makeBucket(ctx, b.source, bucket); err != nil {
		return err
	}
	noise := rand.NewChaCha8([32]byte{1})
	for i := range l.objects {
		if err := b.write(ctx, noise, bucket, fmt.Sprintf("folder-%02d/object-%05d.bin", i%20, i), l.size); err != nil {
			return fmt.Errorf("fill the source: %w", err)
		}
	}
	return nil
}

// chunk is the size of the parts in which objects are written.
const chunk = 32 * mib

func (b *bench) write(ctx context.Context, noise *rand.ChaCha8, bucket, key string, size int64) error {
	content := make([]byte, min(size, chunk))
	if size <= chunk {
		_, _ = noise.Read(content) // never fails
		_, err := b.source.Client().PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(content)})
		return err
	}
	upload, err := b.source.Client().CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	var parts []types.CompletedPart
	for ; size > 0; size -= int64(len(content)) {
		content = content[:min(size, chunk)]
		_, _ = noise.Read(content) // never fails
		number := aws.Int32(int32(len(parts) + 1))
		out, err := b.source.Client().UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &bucket, Key: &key, UploadId: upload.UploadId, PartNumber: number, Body: bytes.NewReader(content),
		})
		if err != nil {
			return err
		}
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: number})
	}
	_, err = b.source.Client().CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &bucket, Key: &key, UploadId: upload.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}

// list calls page for every page of a bucket's objects.
func list(ctx context.Context, s *s3test.Server, bucket string, page func([]types.Object) error) error {
	pages := s3.NewListObjectsV2Paginator(s.Client(), &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err == nil {
			err = page(out.Contents)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// contents counts a bucket's objects and their bytes.
func contents(ctx context.Context, s *s3test.Server, bucket string) (objects, size int64, err error) {
	err = list(ctx, s, bucket, func(page []types.Object) error {
		for _, o := range page {
			objects++
			size += aws.ToInt64(o.Size)
		}
		return nil
	})
	return objects, size, err
}

// empty deletes all objects of a bucket, to free disk space.
func (b *bench) empty(ctx context.Context, s *s3test.Server, bucket string) error {
	return list(ctx, s, bucket, func(page []types.Object) error {
		var ids []types.ObjectIdentifier
		for _, o := range page {
			ids = append(ids, types.ObjectIdentifier{Key: o.Key})
		}
		if len(ids) == 0 {
			return nil
		}
		_, err := s.Client().DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: ids}})
		return err
	})
}
