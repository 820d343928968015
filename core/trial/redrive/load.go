package redrive

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/pointsman/pointsman/core/source/intdash/intdashsend"
	"github.com/pointsman/pointsman/core/trial/testbed"
)

// clients is how many requests may be under way.
const clients = 64

// load sends signed events and keeps how long each request took.
type load struct {
	url     string
	client  *http.Client
	halt    context.CancelFunc
	stopped chan error

	mu       sync.Mutex
	requests []request
	failed   int
	failure  error // the first
}

// request is one that was accepted.
type request struct {
	due  time.Time
	took time.Duration // from the time when it was due
}

func newLoad(server string) *load {
	return &load{url: server + "/hooks/lab", client: &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: clients},
	}}
}

// post sends one event.
func (l *load) post(due time.Time) {
	status, err := 0, error(nil)
	req, err := intdashsend.NewRequest(context.Background(), l.url, []byte(secret), intdashsend.NewMessage(time.Now()).Body())
	if err == nil {
		status, err = testbed.Send(l.client, req)
	}
	took := time.Since(due)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("the router responded %d", status)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.requests = append(l.requests, request{due, took})
		return
	}
	l.failed++
	if l.failure == nil {
		l.failure = err
	}
}

// start sends events at a fixed rate in the background.
func (l *load) start(rate float64) {
	ctx, cancel := context.WithCancel(context.Background())
	l.halt, l.stopped = cancel, make(chan error, 1)
	go func() { l.stopped <- testbed.Pace(ctx, rate, clients, func(_ int, due time.Time) { l.post(due) }) }()
}

// stop ends the load and waits for the last answers.
func (l *load) stop() error {
	if l.halt == nil {
		return nil
	}
	l.halt()
	l.halt = nil
	return <-l.stopped
}

// fill sends n events as fast as the router accepts them.
func (l *load) fill(n int) error {
	numbers := make(chan int, n)
	for i := range n {
		numbers <- i
	}
	close(numbers)
	var sending sync.WaitGroup
	for range clients {
		sending.Go(func() {
			for range numbers {
				l.post(time.Now())
			}
		})
	}
	sending.Wait()
	return l.failure
}

// forget forgets the requests so far.
func (l *load) forget() { l.requests = nil }

// between returns the times of the requests that were due in a span of time.
func (l *load) between(from, to time.Time) (times []time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.requests {
		if !r.due.Before(from) && r.due.Before(to) {
			times = append(times, r.took)
		}
	}
	return times
}

func (l *load) accepted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.requests)
}
