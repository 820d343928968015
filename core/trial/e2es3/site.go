package e2es3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pointsman/pointsman/core/trial/s3bed"
	"github.com/pointsman/pointsman/core/trial/testbed"
	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
)

const (
	bucket = "main"
	target = "copy"

	concurrency = 8 // transfers
)

// site is two S3 servers, the proxy and the router.
type site struct {
	dir                 string
	source, destination *s3test.Server
	proxy               *proxy
	router              *testbed.Router
}

// newSite starts the servers, the proxy and then the router.
func newSite(ctx context.Context, o options, dir string) (*site, error) {
	s := &site{dir: dir}
	if err := s.startServers(ctx, o); err != nil {
		return nil, errors.Join(err, s.close())
	}
	router, err := s3bed.NewRouter(o.bin, dir, s.from(), s.to(), concurrency)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.proxy.serve(ctx, router.Server+s3bed.Path)
	s.router = router
	if err := router.Start(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// startServers starts both S3 servers, each with a bucket, and creates the proxy.
func (s *site) startServers(ctx context.Context, o options) (err error) {
	if s.proxy, err = newProxy(o.hold, o.seed); err != nil {
		return err
	}
	hook := &s3test.Webhook{URL: s.proxy.url(), Token: s3bed.Token, QueueDir: o.queue}
	if s.source, err = s3test.StartMinIO(ctx, s.sourceDir(), hook); err != nil {
		return err
	}
	if s.destination, err = startDestination(ctx, o.destination, filepath.Join(s.dir, "destination")); err != nil {
		return err
	}
	if err := s3bed.CreateBucket(ctx, s.destination, target); err != nil {
		return err
	}
	if err := makeVersionedBucket(ctx, s.source, bucket); err != nil {
		return err
	}
	return s.source.Notify(ctx, bucket)
}

func startDestination(ctx context.Context, kind, dir string) (*s3test.Server, error) {
	switch kind {
	case "minio":
		return s3test.StartMinIO(ctx, dir, nil)
	case "versitygw":
		return s3test.StartVersityGW(ctx, dir, s3test.VersityOptions{})
	}
	return nil, fmt.Errorf("--destination %q: want minio or versitygw", kind)
}

func makeVersionedBucket(ctx context.Context, s *s3test.Server, name string) error {
	if err := s3bed.CreateBucket(ctx, s, name); err != nil {
		return err
	}
	_, err := s.Client().PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	return err
}

func (s *site) from() s3test.Location { return s3test.Location{Server: s.source, Bucket: bucket} }

func (s *site) to() s3test.Location { return s3test.Location{Server: s.destination, Bucket: target} }

func (s *site) sourceDir() string { return filepath.Join(s.dir, "source") }

// queued counts the notifications that MinIO has on disk and has not sent yet.
func (s *site) queued() (int, error) {
	n := 0
	err := filepath.WalkDir(filepath.Join(s.sourceDir(), "queue"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // sent in the meantime
		}
		return err
	})
	return n, err
}

// settle waits until MinIO, proxy and router have nothing pending. MinIO writes an event to disk a moment after it has responded to
// the writer, so all must stay quiet for a while.
func (s *site) settle(ctx context.Context) error {
	const quiet = 20 // polls
	calm, seen := 0, int64(-1)
	return testbed.Poll(ctx, 100*time.Millisecond, func() (bool, error) {
		queued, err := s.queued()
		if err = errors.Join(err, s.proxy.trouble()); err != nil {
			return false, err
		}
		pending, err := s.router.Pending(ctx)
		if err != nil {
			return false, err
		}
		events := s.proxy.events.Load()
		if queued > 0 || s.proxy.held.Load() > 0 || pending > 0 || events != seen {
			calm = 0
		}
		calm, seen = calm+1, events
		return calm > quiet, nil
	})
}

// close ends everything that is still running.
func (s *site) close() error {
	err := s.router.Close()
	for _, server := range []*s3test.Server{s.source, s.destination} {
		if server != nil {
			err = errors.Join(err, server.Stop())
		}
	}
	return err
}
