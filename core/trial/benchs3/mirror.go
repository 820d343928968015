package benchs3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pointsman/pointsman/core/trial/s3bed"
	"github.com/pointsman/pointsman/core/trial/testbed"
	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
)

// newRouter writes the configuration of a router that mirrors from to to.
func (b *bench) newRouter(from, to string) (*testbed.Router, error) {
	dir, err := os.MkdirTemp(b.dir, "router-")
	if err != nil {
		return nil, err
	}
	return s3bed.NewRouter(b.bin, dir, s3test.Location{Server: b.source, Bucket: from}, s3test.Location{Server: b.destination, Bucket: to}, b.concurrency)
}

// mirror runs a router, posts an event for every object and waits until all deliveries are done.
func (b *bench) mirror(ctx context.Context, from, to string) (time.Duration, error) {
	return b.mirrored(ctx, from, to, func(*testbed.Router) error { return nil })
}

// mirrored is mirror with a function that inspects the router at every poll.
func (b *bench) mirrored(ctx context.Context, from, to string, look func(*testbed.Router) error) (time.Duration, error) {
	bodies, err := b.notifications(ctx, from)
	if err != nil {
		return 0, err
	}
	router, err := b.newRouter(from, to)
	if err != nil {
		return 0, err
	}
	if err := router.Start(ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	err = post(ctx, router.Server+s3bed.Path, bodies)
	if err == nil {
		err = done(ctx, router, len(bodies), look)
	}
	took := time.Since(began)
	if err != nil {
		return 0, errors.Join(err, router.Close())
	}
	return took, router.Stop()
}

// done waits until n deliveries are done. A failed attempt ends the measurement, because its retry would be measured too.
func done(ctx context.Context, r *testbed.Router, n int, look func(*testbed.Router) error) error {
	const attempts = "pointsman_delivery_attempts_total"
	// Each poll costs some milliseconds of the CPU that the copies need.
	return testbed.Poll(ctx, 200*time.Millisecond, func() (bool, error) {
		m, err := r.Metrics(ctx)
		if err != nil {
			return false, err
		}
		good := m.Sum(attempts, "result", "done")
		if failed := m.Sum(attempts) - good; failed > 0 {
			return false, fmt.Errorf("%.0f attempts failed: see the router's log in %s", failed, r.Dir)
		}
		return good >= float64(n), look(r)
	})
}

// senders is the number of concurrent senders, like the few connections of an object store.
const senders = 16

func post(ctx context.Context, url string, bodies []string) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	defer client.CloseIdleConnections()
	var all errgroup.Group
	all.SetLimit(senders)
	for _, body := range bodies {
		all.Go(func() error { return postOne(ctx, client, url, body) })
	}
	return all.Wait()
}

func postOne(ctx context.Context, client *http.Client, url, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s3bed.Token)
	req.Header.Set("Content-Type", "application/json")
	status, err := testbed.Send(client, req)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("the router responded %d", status)
	}
	return err
}
