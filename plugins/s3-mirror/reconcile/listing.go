package reconcile

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// Object is one entry of a listing.
type Object struct {
	Key string
	// Garbled means that the store replaced characters of the key that XML cannot carry, so the real key is unknown.
	Garbled  bool
	Size     int64
	ETag     string // without quotes
	Modified time.Time
}

// Listing yields the pages of a listing in the order of their keys. It ends after an error.
type Listing func(ctx context.Context) iter.Seq2[[]Object, error]

// ListObjects returns the listing of the current objects in a bucket, without old versions.
func ListObjects(client *s3.Client, bucket, prefix string) Listing {
	return func(ctx context.Context) iter.Seq2[[]Object, error] {
		return func(yield func([]Object, error) bool) {
			pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{
				Bucket: &bucket, Prefix: &prefix,
				EncodingType: types.EncodingTypeUrl, // XML cannot carry every character that a key can have
			})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				var objects []Object
				if err == nil {
					objects, err = decode(page)
				}
				for i := range objects {
					if err == nil && objects[i].Garbled {
						objects[i].Garbled, err = garbled(ctx, client, bucket, objects[i])
					}
				}
				if !yield(objects, err) || err != nil {
					return
				}
			}
		}
	}
}

func decode(page *s3.ListObjectsV2Output) ([]Object, error) {
	escaped := page.EncodingType == types.EncodingTypeUrl
	objects := make([]Object, len(page.Contents))
	for i, o := range page.Contents {
		key := aws.ToString(o.Key)
		if escaped {
			var err error
			if key, err = url.QueryUnescape(key); err != nil {
				return nil, fmt.Errorf("key %q is not escaped as the response says: %w", aws.ToString(o.Key), err)
			}
		}
		// versitygw ignores encoding-type; its XML encoder writes U+FFFD for every control character.
		suspect := !escaped && strings.ContainsRune(key, utf8.RuneError)
		objects[i] = Object{Key: key, Garbled: suspect, Size: aws.ToInt64(o.Size), ETag: unquote(o.ETag), Modified: aws.ToTime(o.LastModified)}
	}
	return objects, nil
}

// garbled reports whether the store has no such object under the key that it lists: U+FFFD may also be a character of the real key.
func garbled(ctx context.Context, client *s3.Client, bucket string, o Object) (bool, error) {
	head, err := Side{Client: client, Bucket: bucket}.head(ctx, o.Key)
	if gone(err) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return unquote(head.ETag) != o.ETag || aws.ToInt64(head.ContentLength) != o.Size, nil
}

func unquote(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

// cursor reads a listing object by object, while the next pages are fetched.
type cursor struct {
	side, bucket, prefix string
	ctx                  context.Context
	pages                <-chan page
	page                 []Object
	last                 string
	count                func()              // an object was listed
	leaveOut             func(string, error) // an object cannot be compared
}

// page carries the error of a listing: a closed channel alone would look like the end of the bucket.
type page struct {
	objects []Object
	err     error
}

// pagesAhead bounds the memory. A page has up to 1,000 objects.
const pagesAhead = 2

func (r *Run) cursor(ctx context.Context, group *errgroup.Group, name string, s Side, listed *int64) *cursor {
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
	return &cursor{
		side: name, bucket: s.Bucket, prefix: s.Prefix, ctx: ctx, pages: pages,
		count:    func() { r.tally.count(listed) },
		leaveOut: func(key string, err error) { r.tally.done(Step{Key: key, Err: err}, r.Report) },
	}
}

// next returns the next object, its key without the prefix; nil at the end. It leaves out objects with a garbled key, which
// stand where their real key belongs and would break the check of the order.
func (c *cursor) next() (*Object, error) {
	for {
		o, err := c.listedNext()
		if o == nil || err != nil {
			return nil, err
		}
		c.count()
		if o.Garbled {
			c.leaveOut(o.Key, fmt.Errorf("left out: the %s, bucket %q, cannot list control characters of a key and shows them as U+FFFD", c.side, c.bucket))
			continue
		}
		if err := c.check(o.Key); err != nil {
			return nil, err
		}
		c.last = o.Key
		o.Key = strings.TrimPrefix(o.Key, c.prefix)
		return o, nil
	}
}

// listedNext returns the next object as the store lists it; nil at the end.
func (c *cursor) listedNext() (*Object, error) {
	for len(c.page) == 0 {
		select {
		case p, more := <-c.pages:
			if p.err != nil {
				return nil, fmt.Errorf("list the %s, bucket %q: %w", c.side, c.bucket, plain(p.err))
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
	return &o, nil
}

// check refuses listings that would make objects look missing or extra that are neither.
func (c *cursor) check(key string) error {
	switch {
	case !strings.HasPrefix(key, c.prefix):
		return fmt.Errorf("the %s, bucket %q, lists %q, which does not begin with the requested prefix %q", c.side, c.bucket, key, c.prefix)
	case c.last != "" && key <= c.last:
		return fmt.Errorf(
			"the %s, bucket %q, lists %q after %q, which is not the order of S3 (by the bytes of UTF-8): the two buckets cannot be compared",
			c.side, c.bucket, key, c.last,
		)
	}
	return nil
}
