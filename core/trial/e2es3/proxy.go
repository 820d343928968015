package e2es3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// proxy is between MinIO and the router. It accepts every notification at once, delays it by a random time, so that notifications
// overtake each other, sends some of them twice, and retries until the router has responded 2xx.
type proxy struct {
	listener net.Listener
	target   string
	hold     time.Duration
	client   *http.Client

	mu      sync.Mutex
	random  *rand.Rand
	refused error // the first response that a retry would not change

	events, duplicates, held, retries atomic.Int64
}

// duplicateShare is the share of notifications that are sent twice.
const duplicateShare = 0.1

// newProxy listens on an address. The proxy accepts notifications from serve on.
func newProxy(hold time.Duration, seed uint64) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &proxy{
		listener: listener, hold: hold, random: rand.New(rand.NewPCG(seed, 2)),
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64}},
	}, nil
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() + "/" }

// serve accepts notifications and forwards them to target until ctx ends.
func (p *proxy) serve(ctx context.Context, target string) {
	p.target = target
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.take(ctx, w, r) }),
		ReadHeaderTimeout: 10 * time.Second,
	}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // no sender waits for a response any more
	go func() { _ = server.Serve(p.listener) }()          // until Close
}

// take responds at once. MinIO's health checks are not POST requests.
func (p *proxy) take(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.events.Add(1)
	for _, wait := range p.plan() {
		p.held.Add(1)
		go p.forward(ctx, wait, r.Header.Clone(), body)
	}
}

// plan returns the delay of each copy of a notification.
func (p *proxy) plan() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	waits := []time.Duration{p.wait()}
	if p.random.Float64() < duplicateShare {
		p.duplicates.Add(1)
		waits = append(waits, p.wait())
	}
	return waits
}

func (p *proxy) wait() time.Duration { return time.Duration(p.random.Int64N(int64(p.hold))) }

// forward delays the notification and then sends it until the router accepts it.
func (p *proxy) forward(ctx context.Context, wait time.Duration, header http.Header, body []byte) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		status, err := p.send(ctx, header, body)
		switch {
		case err == nil && status/100 == 2:
			p.held.Add(-1)
			return
		case err == nil && status/100 == 4:
			p.refuse(fmt.Errorf("the router responded %d to %.200q", status, body))
			return // still counted as held, so that the test cannot end as if it were delivered
		}
		p.retries.Add(1)
		wait = 50 * time.Millisecond
	}
}

func (p *proxy) send(ctx context.Context, header http.Header, body []byte) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.target, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	for _, name := range []string{"Authorization", "Content-Type"} {
		req.Header[name] = header.Values(name)
	}
	return testbed.Send(p.client, req)
}

func (p *proxy) refuse(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refused == nil {
		p.refused = err
	}
}

// trouble returns the first response that rejected a notification permanently.
func (p *proxy) trouble() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused
}
