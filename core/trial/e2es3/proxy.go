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
)

// proxy stands between the sender of notifications and the router, and is the only unfair thing in the trial: it takes every
// notification at once, holds it for a random time, so that they overtake one another, sends some of them twice, and forwards
// each until the router has answered 2xx.
type proxy struct {
	listener net.Listener
	target   string
	hold     time.Duration
	client   *http.Client

	mu      sync.Mutex
	random  *rand.Rand
	refused error // the first answer that another try would not change

	events, duplicates, held, retries atomic.Int64
}

// duplicateShare is the part of the notifications that is sent twice.
const duplicateShare = 0.1

// newProxy has an address at once and answers there from serve on.
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

// serve takes notifications for target until ctx ends; forwarding ends with it, too.
func (p *proxy) serve(ctx context.Context, target string) {
	p.target = target
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.take(ctx, w, r) }),
		ReadHeaderTimeout: 10 * time.Second,
	}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // Nobody waits for an answer any more.
	go func() { _ = server.Serve(p.listener) }()          // It ends by Close.
}

// take answers at once. The sender's own health checks have no body and are not events.
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

// plan returns the delays after which a notification is forwarded.
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

// forward holds the notification and then sends it until the router has it.
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
			p.refuse(fmt.Errorf("the router answered %d to %.200q", status, body))
			return // It stays held: the trial must not end as if it had been delivered.
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
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

func (p *proxy) refuse(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refused == nil {
		p.refused = err
	}
}

// trouble is the first answer of the router that refuses a notification for good.
func (p *proxy) trouble() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused
}
