package reconcile

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// Object is what a listing says of one.
type Object struct {
	Key      string
	Size     int64
	ETag     string // without quotes
	Modified time.Time
}

// Listing yields the pages of a listing in the order of their keys. An error is the last that it yields.
type Listing func(ctx context.Context) iter.Seq2[[]Object, error]

// ListObjects is the listing of what a bucket has now, old versions left out.
func ListObjects(client *s3.Client, bucket, prefix string) Listing {
	return func(ctx context.Context) iter.Seq2[[]Object, error] {
		return func(yield func([]Object, error) bool) {
			pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{
				Bucket: &bucket, Prefix: &prefix,
				EncodingType: types.EncodingTypeUrl, // XML cannot say every character that a key can have
			})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				var objects []Object
				if err == nil {
					objects, err = decode(page)
				}
				if !yield(objects, err) || err != nil {
					return
				}
			}
		}
	}
}

func decode(page *s3.ListObjectsV2Output) ([]Object, error) {
	objects := make([]Object, len(page.Contents))
	for i, o := range page.Contents {
		key := aws.ToString(o.Key)
		if page.EncodingType == types.EncodingTypeUrl {
			var err error
			if key, err = url.QueryUnescape(key); err != nil {
				return nil, fmt.Errorf("key %q is not escaped as the answer says: %w", aws.ToString(o.Key), err)
			}
		}
		objects[i] = Object{Key: key, Size: aws.ToInt64(o.Size), ETag: unquote(o.ETag), Modified: aws.ToTime(o.LastModified)}
	}
	return objects, nil
}

func unquote(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

// cursor reads a listing object by object, while the next pages come.
type cursor struct {
	side, bucket, prefix string
	ctx                  context.Context
	pages                <-chan page
	page                 []Object
	last                 string
	listed               *atomic.Int64
}

// page may be an error: the end of the channel alone would look like the end of the bucket.
type page struct {
	objects []Object
	err     error
}

// pagesAhead bounds the memory: 1,000 objects each.
const pagesAhead = 2

func (r *Run) cursor(ctx context.Context, group *errgroup.Group, name string, s Side, listed *atomic.Int64) *cursor {
	pages := make(chan page, pagesAhead)
	group.Go(func() error {
		for objects, err := range s.List(ctx) {
			select {
			case pages <- page{objects, err}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if ctx.Err() == nil {
			close(pages)
		}
		return ctx.Err()
	})
	return &cursor{side: name, bucket: s.Bucket, prefix: s.Prefix, ctx: ctx, pages: pages, listed: listed}
}

// next returns nil at the end. The key of what it returns lacks the prefix.
func (c *cursor) next() (*Object, error) {
	for len(c.page) == 0 {
		select {
		case p, more := <-c.pages:
			if p.err != nil {
				return nil, fmt.Errorf("listing the %s, bucket %q: %w", c.side, c.bucket, plain(p.err))
			}
			if !more {
				return nil, nil
			}
			c.page = p.objects
		case <-c.ctx.Done():
			return nil, c.ctx.Err()
		}
	}
	o := c.page[0]
	c.page = c.page[1:]
	if err := c.check(o.Key); err != nil {
		return nil, err
	}
	c.listed.Add(1)
	c.last = o.Key
	o.Key = strings.TrimPrefix(o.Key, c.prefix)
	return &o, nil
}

// check: objects would look missing or extra that are neither.
func (c *cursor) check(key string) error {
	switch {
	case !strings.HasPrefix(key, c.prefix):
		return fmt.Errorf("the %s, bucket %q, lists %q although it was asked for keys that begin with %q", c.side, c.bucket, key, c.prefix)
	case c.last != "" && key <= c.last:
		return fmt.Errorf(
			"the %s, bucket %q, lists %q after %q, which is not the order of S3 (by the bytes of UTF-8): the two buckets cannot be compared",
			c.side, c.bucket, key, c.last,
		)
	}
	return nil
}
