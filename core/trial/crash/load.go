package crash

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/pointsman/pointsman/core/source/intdash/intdashsend"
	"github.com/pointsman/pointsman/core/trial/testbed"
)

// load sends signed events, each once, and keeps the ids of those that were acknowledged with 2xx.
type load struct {
	url    string
	secret []byte
	client *http.Client

	mu    sync.Mutex
	known []string
}

func newLoad(url, secret string) *load {
	return &load{url: url, secret: []byte(secret), client: &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024},
	}}
}

// start sends from n clients until ctx ends. It closes the channel after the last response has been recorded.
func (l *load) start(ctx context.Context, n int) <-chan struct{} {
	var clients sync.WaitGroup
	for range n {
		clients.Go(func() { l.send(ctx) })
	}
	done := make(chan struct{})
	go func() {
		clients.Wait()
		close(done)
	}()
	return done
}

// send posts one event after the other. It pauses after an error, so as not to spin while the router is down.
func (l *load) send(ctx context.Context) {
	for ctx.Err() == nil {
		m := intdashsend.NewMessage(time.Now())
		if err := l.post(m); err == nil {
			l.mu.Lock()
			l.known = append(l.known, m.DeliveryUUID)
			l.mu.Unlock()
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// post returns nil when the event is acknowledged. It takes no context, because a response on its way at the end still counts.
func (l *load) post(m *intdashsend.Message) error {
	req, err := intdashsend.NewRequest(context.Background(), l.url, l.secret, m.Body())
	if err != nil {
		return err
	}
	status, err := testbed.Send(l.client, req)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("the router responded %d", status)
	}
	return err
}

func (l *load) acked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.known)
}
