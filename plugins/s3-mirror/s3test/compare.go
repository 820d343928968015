package s3test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"
)

// Location is a bucket, or the part of it whose keys have a prefix, which is empty or ends in "/".
type Location struct {
	Server         *Server
	Bucket, Prefix string
}

// Differences has a line for each key that is not the same at two locations: the key without the location's prefix, and what
// differs.
type Differences []string

func (d Differences) String() string {
	if len(d) == 0 {
		return "no differences"
	}
	return fmt.Sprintf("%d differences:\n  %s", len(d), strings.Join(d, "\n  "))
}

// compareWorkers is the number of concurrent requests of a comparison.
const compareWorkers = 16

// Compare returns how b differs from a: keys, sizes, bytes, content headers, user metadata, tags. Times, ETags and the user
// metadata "mtime", which rclone uses as a time, are ignored. rclone compares everything but tags, which it does not support, and
// keys that it does not list, such as those that end in "/". No code of the mirror takes part.
func Compare(ctx context.Context, a, b Location) (Differences, error) {
	for _, l := range []Location{a, b} {
		if l.Prefix != "" && !strings.HasSuffix(l.Prefix, "/") {
			return nil, fmt.Errorf("prefix %q: rclone compares folders, a prefix must end in /", l.Prefix)
		}
	}
	c := comparison{a: a, b: b, found: map[string][]string{}}
	if err := c.run(ctx); err != nil {
		return nil, fmt.Errorf("compare %s with %s: %w", a, b, err)
	}
	var d Differences
	for _, key := range slices.Sorted(maps.Keys(c.found)) {
		d = append(d, fmt.Sprintf("%q: %s", key, strings.Join(c.found[key], "; ")))
	}
	return d, nil
}

func (l Location) String() string { return l.Server.Endpoint + "/" + l.Bucket + "/" + l.Prefix }

type comparison struct {
	a, b  Location
	mu    sync.Mutex
	found map[string][]string
}

func (c *comparison) note(key, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found[key] = append(c.found[key], fmt.Sprintf(format, args...))
}

func (c *comparison) run(ctx context.Context) error {
	both, err := c.keys(ctx)
	if err != nil {
		return err
	}
	judged, err := c.rclone(ctx, both)
	if err != nil {
		return err
	}
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(compareWorkers)
	for _, key := range both {
		workers.Go(func() error {
			if err := c.tags(ctx, key); err != nil || judged[key] {
				return err
			}
			return c.objects(ctx, key)
		})
	}
	return workers.Wait()
}

// keys returns the keys that both sides have with the same size, and notes the others.
func (c *comparison) keys(ctx context.Context) ([]string, error) {
	a, err := c.a.sizes(ctx)
	if err != nil {
		return nil, err
	}
	b, err := c.b.sizes(ctx)
	if err != nil {
		return nil, err
	}
	var both []string
	for key, size := range a {
		switch other, ok := b[key]; {
		case !ok:
			c.note(key, "missing")
		case other != size:
			c.note(key, "size %d, not %d", other, size)
		default:
			both = append(both, key)
		}
	}
	for key := range b {
		if _, ok := a[key]; !ok {
			c.note(key, "extra")
		}
	}
	return both, nil
}

func (l Location) sizes(ctx context.Context) (map[string]int64, error) {
	sizes := map[string]int64{}
	pages := s3.NewListObjectsV2Paginator(l.Server.client, &s3.ListObjectsV2Input{Bucket: aws.String(l.Bucket), Prefix: aws.String(l.Prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			sizes[strings.TrimPrefix(aws.ToString(o.Key), l.Prefix)] = aws.ToInt64(o.Size)
		}
	}
	return sizes, nil
}

func (c *comparison) tags(ctx context.Context, key string) error {
	a, err := c.a.tags(ctx, key)
	if err != nil {
		return err
	}
	b, err := c.b.tags(ctx, key)
	if err == nil && !maps.Equal(a, b) {
		c.note(key, "tags %v, not %v", b, a)
	}
	return err
}

func (l Location) tags(ctx context.Context, key string) (map[string]string, error) {
	out, err := l.Server.client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: aws.String(l.Bucket), Key: aws.String(l.Prefix + key)})
	if err != nil {
		return nil, fmt.Errorf("tags of %q: %w", key, err)
	}
	tags := map[string]string{}
	for _, t := range out.TagSet {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return tags, nil
}

// objects compares an object that rclone does not list.
func (c *comparison) objects(ctx context.Context, key string) error {
	a, digestA, err := c.a.read(ctx, key)
	if err != nil {
		return err
	}
	b, digestB, err := c.b.read(ctx, key)
	if err != nil {
		return err
	}
	if digestA != digestB {
		c.note(key, "different bytes")
	}
	if !maps.Equal(a, b) {
		c.note(key, "metadata %v, not %v", b, a)
	}
	return nil
}

func (l Location) read(ctx context.Context, key string) (metadata map[string]string, digest [sha256.Size]byte, err error) {
	out, err := l.Server.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(l.Bucket), Key: aws.String(l.Prefix + key)})
	if err != nil {
		return nil, digest, fmt.Errorf("read %q: %w", key, err)
	}
	defer func() { _ = out.Body.Close() }()
	metadata = map[string]string{
		"content-type": aws.ToString(out.ContentType), "content-encoding": aws.ToString(out.ContentEncoding),
		"content-language": aws.ToString(out.ContentLanguage), "content-disposition": aws.ToString(out.ContentDisposition),
		"cache-control": aws.ToString(out.CacheControl),
	}
	maps.Copy(metadata, out.Metadata)
	if strings.HasSuffix(key, "/") {
		delete(metadata, "content-type") // versitygw sets its own
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, out.Body); err != nil {
		return nil, digest, fmt.Errorf("read %q: %w", key, err)
	}
	hash.Sum(digest[:0])
	return metadata, digest, nil
}
