package e2ereload

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pointsman/pointsman/core/source/intdash/intdashsend"
	"github.com/pointsman/pointsman/core/trial/testbed"
)

const (
	sendTimeout = 10 * time.Second
	senders     = 3 // kinds of load
)

// load sends events from both sources, each once, and keeps the ids of those that were acknowledged.
type load struct {
	server  string
	client  *http.Client
	members []*member
	end     context.CancelFunc // of the connections
	halt    context.CancelFunc // of the load, nil when it does not run
	stopped chan error
	said    atomic.Int64 // messages

	mu     sync.Mutex
	known  map[string]string // from id to source
	counts counts
}

// counts is what became of the events that were sent.
type counts struct {
	requests, messages int // acknowledged
	failed             int // requests that were answered otherwise
	refused            int // messages that were not accepted
	firstError         error
}

func newLoad(server string) *load {
	return &load{server: server, known: map[string]string{}, client: &http.Client{
		Timeout:   sendTimeout,
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024},
	}}
}

// start sends events in the background: half of them from each of the two sources, and a few from the one that comes and goes, so
// that its removal finds requests under way.
func (l *load) start(rate float64, clients int) {
	ctx, cancel := context.WithCancel(context.Background())
	l.halt, l.stopped = cancel, make(chan error, senders)
	pace := func(rate float64, clients int, send func(worker int)) {
		go func() { l.stopped <- testbed.Pace(ctx, rate, clients, func(worker int, _ time.Time) { send(worker) }) }()
	}
	pace(rate/2, clients, func(int) { l.request(intdashSource) })
	pace(rate/2, len(l.members), func(i int) { l.members[i].say(l) })
	pace(rate/10, 1, func(int) { l.request(extraSource, http.StatusNotFound) })
}

// request posts one event. The answer must be 2xx or one of the statuses allowed.
func (l *load) request(source string, allowed ...int) {
	status, err := l.post(source)
	if err == nil && (status/100 == 2 || slices.Contains(allowed, status)) {
		return
	}
	if err == nil {
		err = fmt.Errorf("the router responded %d", status)
	}
	l.note(func(c *counts) { c.failed++ }, fmt.Errorf("request to %s: %w", source, err))
}

// stop ends the load and waits for the last answers. It may be started again.
func (l *load) stop() error {
	if l.halt == nil {
		return nil
	}
	l.halt()
	l.halt = nil
	var err error
	for range senders {
		err = errors.Join(err, <-l.stopped)
	}
	for _, m := range l.members {
		m.confirm(l)
	}
	l.client.CloseIdleConnections()
	return err
}

// post posts one event to an intdash source. Every answer other than an error is a status.
func (l *load) post(source string) (status int, err error) {
	m := intdashsend.NewMessage(time.Now())
	m.ProjectUUID = "00000000-0000-0000-0000-00000000000" + m.ResourceUUID[:1] // one of 16, by which the second rule set orders
	req, err := intdashsend.NewRequest(context.Background(), l.server+"/hooks/"+source, []byte(secret), m.Body())
	if err != nil {
		return 0, err
	}
	if status, err = testbed.Send(l.client, req); err == nil && status/100 == 2 {
		l.know(m.DeliveryUUID, source, func(c *counts) { c.requests++ })
	}
	return status, err
}

// know records an acknowledged event.
func (l *load) know(id, source string, count func(*counts)) {
	l.note(count, nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known[id] = source
}

// note counts something, and keeps the first error.
func (l *load) note(count func(*counts), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count(&l.counts)
	if l.counts.firstError == nil {
		l.counts.firstError = err
	}
}

func (l *load) acked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.known)
}
