package reconcile_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/pointsman/pointsman/plugins/s3-mirror/mirror"
	"github.com/pointsman/pointsman/plugins/s3-mirror/reconcile"
	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

// servers are shared by subtests; each of them has its own buckets.
type servers struct{ minio, versity *s3test.Server }

func start(t *testing.T) servers {
	t.Helper()
	return servers{minio: s3test.MinIO(t, nil), versity: s3test.VersityGW(t, s3test.VersityOptions{})}
}

// pair is a mirror from a MinIO to a versitygw.
type pair struct {
	from, to s3test.Location
	config   mirror.Config
}

func (s servers) pair(t *testing.T, name, fromPrefix, toPrefix string) *pair {
	t.Helper()
	p := &pair{
		from: s3test.Location{Server: s.minio, Bucket: name, Prefix: fromPrefix},
		to:   s3test.Location{Server: s.versity, Bucket: name + "-copy", Prefix: toPrefix},
	}
	for _, l := range []s3test.Location{p.from, p.to} {
		if _, err := l.Server.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &l.Bucket}); err != nil {
			t.Fatal(err)
		}
	}
	p.config = mirror.Config{Source: side(p.from), Destination: mirror.Destination{Side: side(p.to)}, PartSize: mirror.MinPartSize}
	return p
}

func side(l s3test.Location) mirror.Side {
	return mirror.Side{
		Endpoint: l.Server.Endpoint, Bucket: l.Bucket, Prefix: l.Prefix,
		Account: amazon.Account{Region: l.Server.Region, AccessKey: l.Server.AccessKey, SecretKey: schema.NewSecret(l.Server.SecretKey)},
	}
}

// run reconciles once.
func (p *pair) run(t *testing.T, change func(*reconcile.Options)) reconcile.Summary {
	t.Helper()
	r := p.prepare(t, change)
	s, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Failures {
		t.Logf("%q: %s", f.Key, f.Error)
	}
	return s
}

func (p *pair) prepare(t *testing.T, change func(*reconcile.Options)) *reconcile.Run {
	t.Helper()
	m, err := mirror.New(p.config)
	if err != nil {
		t.Fatal(err)
	}
	o := reconcile.Options{
		Mirror: m, Deletes: p.config.Deletes,
		Source:      reconcile.Side{Client: m.SourceClient(), Bucket: p.from.Bucket, Prefix: p.from.Prefix},
		Destination: reconcile.Side{Client: m.DestinationClient(), Bucket: p.to.Bucket, Prefix: p.to.Prefix},
	}
	if change != nil {
		change(&o)
	}
	r, err := reconcile.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// found returns the part of a summary that most tests compare.
func found(s reconcile.Summary) string {
	return fmt.Sprintf("missing %d, different %d, extra %d: repaired %d, deleted %d, failed %d, left %d, unchanged %d",
		s.Missing, s.Different, s.Extra, s.Repaired, s.Deleted, s.Failed, s.Left, s.Unchanged)
}

func expect(t *testing.T, s reconcile.Summary, want string) {
	t.Helper()
	if got := found(s); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// same fails the test unless both sides are equal.
func (p *pair) same(t *testing.T) {
	t.Helper()
	testenv.Need(t, testenv.Rclone)
	d, err := s3test.Compare(t.Context(), p.from, p.to)
	if err != nil || len(d) > 0 {
		t.Error(d, err)
	}
}

func put(ctx context.Context, l s3test.Location, key, body string, change ...func(*s3.PutObjectInput)) error {
	in := &s3.PutObjectInput{Bucket: &l.Bucket, Key: aws.String(l.Prefix + key), Body: strings.NewReader(body), ContentType: aws.String("text/plain")}
	for _, c := range change {
		c(in)
	}
	_, err := l.Server.Client().PutObject(ctx, in)
	return err
}

func mustPut(t *testing.T, l s3test.Location, key, body string, change ...func(*s3.PutObjectInput)) {
	t.Helper()
	if err := put(t.Context(), l, key, body, change...); err != nil {
		t.Fatal(err)
	}
}

// each calls do for the numbers from 0 to n-1, several at a time.
func each(t *testing.T, n int, do func(ctx context.Context, i int) error) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(16)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func remove(ctx context.Context, l s3test.Location, key string) error {
	_, err := l.Server.Client().DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &l.Bucket, Key: aws.String(l.Prefix + key)})
	return err
}

func mustRemove(t *testing.T, l s3test.Location, key string) {
	t.Helper()
	if err := remove(t.Context(), l, key); err != nil {
		t.Fatal(err)
	}
}

// exists reports whether there is an object.
func exists(t *testing.T, l s3test.Location, key string) bool {
	t.Helper()
	_, err := l.Server.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &l.Bucket, Key: aws.String(l.Prefix + key)})
	return err == nil
}

// modified returns the time of the object, in whole seconds.
func modified(t *testing.T, l s3test.Location, key string) time.Time {
	t.Helper()
	head, err := l.Server.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &l.Bucket, Key: aws.String(l.Prefix + key)})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToTime(head.LastModified)
}
