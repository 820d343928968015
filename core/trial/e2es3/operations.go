package e2es3

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// operation is one kind of change. It is drawn with the probability weight / sum of all weights.
type operation struct {
	name   string
	weight int
	do     func(w *writer, ctx context.Context, key string) error
}

var operations = []operation{
	{"put", 30, (*writer).put},
	{"empty", 5, (*writer).putEmpty},
	{"copy", 8, (*writer).copy},
	{"metadata", 6, (*writer).changeMetadata},
	{"multipart", 4, (*writer).multipart},
	{"tag", 10, (*writer).tag},
	{"untag", 6, (*writer).untag},
	{"delete", 13, (*writer).delete},
	{"delete-version", 7, (*writer).deleteVersion},
	{"undelete", 7, (*writer).undelete},
	{"delete-batch", 4, (*writer).deleteBatch},
}

// draw picks the next operation by weight.
func (w *writer) draw() operation {
	sum := 0
	for _, o := range operations {
		sum += o.weight
	}
	at := w.random.IntN(sum)
	for _, o := range operations {
		if at -= o.weight; at < 0 {
			return o
		}
	}
	panic("unreachable: the weights add up to the sum")
}

// put writes up to 16 KiB, in one of 20 cases up to 1 MiB.
func (w *writer) put(ctx context.Context, key string) error {
	limit := int64(16 << 10)
	if w.random.IntN(20) == 0 {
		limit = 1 << 20
	}
	return w.putBytes(ctx, key, w.content(w.random.Int64N(limit)))
}

func (w *writer) putEmpty(ctx context.Context, key string) error { return w.putBytes(ctx, key, nil) }

func (w *writer) putBytes(ctx context.Context, key string, content []byte) error {
	if isFolder(key) {
		content = nil
	}
	in := &s3.PutObjectInput{Bucket: &w.bucket, Key: &key, Body: bytes.NewReader(content)}
	in.ContentType, in.CacheControl, in.Metadata = w.metadata()
	if w.random.IntN(4) == 0 {
		in.Tagging = aws.String(w.tags())
	}
	_, err := w.client.PutObject(ctx, in)
	return err
}

// content returns n random bytes.
func (w *writer) content(n int64) []byte {
	b := make([]byte, n)
	_, _ = w.bytes.Read(b) // never fails
	return b
}

func (w *writer) metadata() (contentType, cacheControl *string, user map[string]string) {
	types := []string{"text/plain", "image/png", "application/octet-stream", "text/html; charset=utf-8"}
	return &types[w.random.IntN(len(types))], aws.String(fmt.Sprintf("max-age=%d", w.random.IntN(1000))),
		map[string]string{"color": w.word(), "shape": w.word() + " with spaces"}
}

func (w *writer) word() string { return fmt.Sprintf("w%04x", w.random.IntN(1<<16)) }

func (w *writer) tags() string {
	tags := url.Values{}
	for i := range 1 + w.random.IntN(4) {
		tags.Set(fmt.Sprintf("tag %d", i), w.word()+" +=:/")
	}
	return tags.Encode()
}

func (w *writer) copy(ctx context.Context, key string) error {
	_, err := w.client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &w.bucket, Key: aws.String(another(w.random, w.keys, key)), CopySource: w.copySource(key),
		MetadataDirective: types.MetadataDirectiveReplace, Metadata: map[string]string{"copied": w.word()},
	})
	return w.orPut(ctx, key, err)
}

// changeMetadata copies an object onto itself: the bytes and the ETag stay.
func (w *writer) changeMetadata(ctx context.Context, key string) error {
	in := &s3.CopyObjectInput{Bucket: &w.bucket, Key: &key, CopySource: w.copySource(key), MetadataDirective: types.MetadataDirectiveReplace}
	in.ContentType, in.CacheControl, in.Metadata = w.metadata()
	_, err := w.client.CopyObject(ctx, in)
	return w.orPut(ctx, key, err)
}

func (w *writer) copySource(key string) *string {
	return aws.String(w.bucket + "/" + strings.ReplaceAll(url.PathEscape(key), "+", "%2B"))
}

// orPut puts the object if there was none to change.
func (w *writer) orPut(ctx context.Context, key string, err error) error {
	if err != nil && lostRace(err) {
		return w.put(ctx, key)
	}
	return err
}

func (w *writer) tag(ctx context.Context, key string) error {
	set := []types.Tag{{Key: aws.String("only"), Value: aws.String(w.word())}, {Key: aws.String("the other"), Value: aws.String("+ = :/@" + w.word())}}
	_, err := w.client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: &w.bucket, Key: &key, Tagging: &types.Tagging{TagSet: set}})
	return w.orPut(ctx, key, err)
}

func (w *writer) untag(ctx context.Context, key string) error {
	_, err := w.client.DeleteObjectTagging(ctx, &s3.DeleteObjectTaggingInput{Bucket: &w.bucket, Key: &key})
	return w.orPut(ctx, key, err)
}

func (w *writer) delete(ctx context.Context, key string) error {
	_, err := w.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &w.bucket, Key: &key})
	return err
}

func (w *writer) deleteBatch(ctx context.Context, key string) error {
	batch := []types.ObjectIdentifier{{Key: &key}}
	for range 2 + w.random.IntN(6) {
		batch = append(batch, types.ObjectIdentifier{Key: &w.keys[w.random.IntN(len(w.keys))]})
	}
	out, err := w.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &w.bucket, Delete: &types.Delete{Objects: batch}})
	if err == nil && len(out.Errors) > 0 {
		return fmt.Errorf("%s: %s", aws.ToString(out.Errors[0].Code), aws.ToString(out.Errors[0].Message))
	}
	return err
}

// deleteVersion permanently deletes the current version, which restores the one before it, or an older one, which changes
// nothing visible.
func (w *writer) deleteVersion(ctx context.Context, key string) error {
	versions, err := w.versions(ctx, key)
	if err != nil {
		return err
	}
	var ids []*string
	for _, v := range versions.Versions {
		if *v.Key == key {
			ids = append(ids, v.VersionId)
		}
	}
	if len(ids) == 0 {
		return w.put(ctx, key)
	}
	_, err = w.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &w.bucket, Key: &key, VersionId: ids[w.random.IntN(len(ids))]})
	return err
}

// undelete deletes the newest delete marker.
func (w *writer) undelete(ctx context.Context, key string) error {
	versions, err := w.versions(ctx, key)
	if err != nil {
		return err
	}
	for _, m := range versions.DeleteMarkers {
		if *m.Key == key && aws.ToBool(m.IsLatest) {
			_, err := w.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &w.bucket, Key: &key, VersionId: m.VersionId})
			return err
		}
	}
	return w.put(ctx, key)
}

func (w *writer) versions(ctx context.Context, key string) (*s3.ListObjectVersionsOutput, error) {
	return w.client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &w.bucket, Prefix: &key})
}
