package benchs3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

const token = "only-for-the-benchmark-of-the-mirror"

const config = `
source "s3" "uploads" {
  tokens = [env("BENCH_TOKEN")]
}

plugin "s3-mirror" "backup" {
  settings {
    source {
      endpoint   = %[1]q
      bucket     = %[2]q
      access_key = %[3]q
      secret_key = env("BENCH_SOURCE_SECRET")
    }
    destination {
      endpoint   = %[4]q
      bucket     = %[5]q
      access_key = %[6]q
      secret_key = env("BENCH_DESTINATION_SECRET")
    }
    deletes     = true
    concurrency = %[7]d
  }
}

rule "backup" {
  on   = ["uploads"]
  when = startswith(event.type, "s3.object.")

  dispatch "backup" {
    order_by = event.subject
    timeout  = "30m"
  }
}
`

// newRouter writes the configuration of a router that mirrors from to to.
func (b *bench) newRouter(from, to string) (*testbed.Router, error) {
	dir, err := os.MkdirTemp(b.dir, "router-")
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(config, b.source.Endpoint, from, b.source.AccessKey, b.destination.Endpoint, to, b.destination.AccessKey, b.concurrency)
	return testbed.NewRouter(b.bin, dir, text,
		"BENCH_TOKEN="+token, "BENCH_SOURCE_SECRET="+b.source.SecretKey, "BENCH_DESTINATION_SECRET="+b.destination.SecretKey)
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
	err = post(ctx, router.Server+"/hooks/uploads", bodies)
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
	work := make(chan string)
	errs := make([]error, senders)
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			for body := range work {
				errs[i] = errors.Join(errs[i], postOne(ctx, client, url, body))
			}
		})
	}
	for _, body := range bodies {
		work <- body
	}
	close(work)
	all.Wait()
	return errors.Join(errs...)
}

func postOne(ctx context.Context, client *http.Client, url, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the router responded %s", resp.Status)
	}
	return nil
}
