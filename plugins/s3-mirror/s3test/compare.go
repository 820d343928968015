package s3test

import (
	"context"
	"fmt"
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

// Differences are the keys, without the location's prefix, that are not the same at two locations.
type Differences struct {
	// Count is the number of keys.
	Count int
	// List has a line for each of them, sorted by key: what is different.
	List []string
}

func (d Differences) String() string {
	if d.Count == 0 {
		return "no differences"
	}
	return fmt.Sprintf("%d differences:\n  %s", d.Count, strings.Join(d.List, "\n  "))
}

// compareWorkers is how many requests of a comparison are under way.
const compareWorkers = 16

// Compare says how b differs from a: keys, sizes, bytes, content headers, user metadata, tags. Times, ETags and the user
// metadata "mtime", which rclone takes for a time, do not count. rclone judges all but tags, which it does not know, and
// keys that it does not list, such as those that end in "/"; nothing of the mirror's code takes part.
func Compare(ctx context.Context, a, b Location) (Differences, error) {
	for _, l := range []Location{a, b} {
		if l.Prefix != "" && !strings.HasSuffix(l.Prefix, "/") {
			return Differences{}, fmt.Errorf("prefix %q: rclone compares folders, a prefix must end in /", l.Prefix)
		}
	}
	c := comparison{a: a, b: b, found: map[string][]string{}}
	if err := c.run(ctx); err != nil {
		return Differences{}, fmt.Errorf("comparing %s with %s: %w", a, b, err)
	}
	d := Differences{Count: len(c.found)}
	for _, key := range slices.Sorted(maps.Keys(c.found)) {
		d.List = append(d.List, fmt.Sprintf("%q: %s", key, strings.Join(c.found[key], "; ")))
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

// keys returns what is on both sides with the same size, and notes the rest.
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

// objects compares what rclone did not: by reading both objects.
func (c *comparison) objects(ctx context.Context, key string) error {
	a, err := c.a.object(ctx, key)
	if err != nil {
		return err
	}
	b, err := c.b.object(ctx, key)
	if err != nil {
		return err
	}
	if a.digest != b.digest {
		c.note(key, "different bytes")
	}
	if !maps.Equal(a.metadata, b.metadata) {
		c.note(key, "metadata %v, not %v", b.metadata, a.metadata)
	}
	return nil
}
