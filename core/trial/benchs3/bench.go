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

	"github.com/pointsman/pointsman/core/trial/s3bed"
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

// fill creates the bucket at the source and writes incompressible objects. Every round copies the same objects.
func (b *bench) fill(ctx context.Context, bucket string, l load) error {
	if err := s3bed.CreateBucket(ctx, b.source, bucket); err != nil {
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
	content := func(n int64) []byte {
		b := make([]byte, n)
		_, _ = noise.Read(b) // never fails
		return b
	}
	if size <= chunk {
		_, err := b.source.Client().PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(content(size))})
		return err
	}
	return s3bed.Upload(ctx, b.source.Client(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key}, size, chunk, content)
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
