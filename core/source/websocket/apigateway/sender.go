package apigateway

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/gateway"
)

const (
	// lanes run in parallel. All messages of one room go through the same lane, which keeps their order.
	lanes = 16
	// maxPosts is the number of parallel requests for one room.
	maxPosts = 32
	// maxWaiting limits the messages in one lane, maxWaitingBytes the bytes in all lanes.
	maxWaiting      = 512
	maxWaitingBytes = 64 << 20
	// drainTimeout is how long a stop waits for the queued messages.
	drainTimeout = 5 * time.Second
)

// outgoing is a queued message to a room or to one connection.
type outgoing struct {
	room, connection, except string
	data                     []byte
}

// sender sends messages in the background, so that callers never wait for API Gateway.
type sender struct {
	source  *Source
	metrics *sourceMetrics
	seed    maphash.Seed
	lanes   [lanes]chan outgoing

	mu      sync.Mutex
	bytes   int  // in all lanes
	stopped bool // the lanes are closed

	// Set by start.
	cancel  context.CancelFunc
	running sync.WaitGroup
	out     *backend
}

func newSender(s *Source, m *sourceMetrics) *sender {
	p := &sender{source: s, metrics: m, seed: maphash.MakeSeed()}
	for i := range p.lanes {
		p.lanes[i] = make(chan outgoing, maxWaiting)
	}
	return p
}

// Broadcast implements source.Rooms. It only queues the message, so sent is always 0. API Gateway cannot mark a message as binary.
func (s *Source) Broadcast(room string, data []byte, _ bool, except string) (sent int) {
	s.sender.metrics.broadcasts.Inc()
	if len(data) > s.settings.Limits.Message {
		s.sender.metrics.dropped.Inc()
		return 0
	}
	s.sender.enqueue(room, outgoing{room: room, except: except, data: data})
	return 0
}

// Send implements source.Rooms. It only queues the message, so the error is never source.ErrGone.
func (s *Source) Send(connectionID string, data []byte, _ bool) error {
	if len(data) > s.settings.Limits.Message {
		return source.ErrTooLarge
	}
	if !s.sender.enqueue(connectionID, outgoing{connection: connectionID, data: data}) {
		return source.ErrBusy
	}
	return nil
}

// enqueue queues a message. If the queue is full, it drops and counts the message.
func (p *sender) enqueue(lane string, s outgoing) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped && p.bytes+len(s.data) <= maxWaitingBytes {
		select {
		case p.lanes[maphash.String(p.seed, lane)%lanes] <- s:
			p.addBytes(len(s.data))
			return true
		default:
		}
	}
	p.metrics.dropped.Inc()
	return false
}

// addBytes updates the number of queued bytes. The caller holds mu.
func (p *sender) addBytes(bytes int) {
	p.bytes += bytes
	p.metrics.waiting.Set(float64(p.bytes))
}

func (p *sender) start(out *backend) {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.out = cancel, out
	for _, lane := range p.lanes {
		p.running.Go(func() {
			for s := range lane {
				p.process(ctx, s)
				p.mu.Lock()
				p.addBytes(-len(s.data))
				p.mu.Unlock()
			}
		})
	}
}

// stop drains the queues for at most drainTimeout and returns when all lanes have ended.
func (p *sender) stop() {
	p.mu.Lock()
	p.stopped = true
	for _, lane := range p.lanes {
		close(lane)
	}
	p.mu.Unlock()
	defer time.AfterFunc(drainTimeout, p.cancel).Stop()
	p.running.Wait()
	p.cancel()
}

// process sends one message to all its receivers.
func (p *sender) process(ctx context.Context, s outgoing) {
	if ctx.Err() != nil {
		p.metrics.dropped.Inc()
		return
	}
	if s.connection != "" {
		p.send(ctx, s)
		return
	}
	var a deliveryResult
	var group errgroup.Group
	group.SetLimit(maxPosts)
	err := p.out.store.members(ctx, s.room, func(r row) {
		if r.connection == s.except || !p.source.mayExist(r) {
			return
		}
		group.Go(func() error {
			a.record(r, p.post(ctx, r, s.data))
			return nil
		})
	})
	_ = group.Wait()
	p.finish(ctx, s.room, &a, err)
}

func (p *sender) send(ctx context.Context, s outgoing) {
	r, err := p.out.store.find(ctx, s.connection)
	if err == nil {
		r.connection = s.connection // a connection that is not in the table may exist
		err = p.post(ctx, r, s.data)
	}
	if err != nil && !errors.Is(err, gateway.ErrGone) {
		p.source.log.Warn("message to a connection was not delivered", "connection", s.connection, "err", err)
	}
}

// post sends to one connection, and ends it if API Gateway answers that it is gone.
func (p *sender) post(ctx context.Context, r row, data []byte) error {
	young := p.source.now().Sub(r.connected) < gateway.ConnectGrace
	err := p.out.api.Post(ctx, r.connection, data, func(err error) bool { return mayPass(err, young) })
	switch {
	case err == nil:
		p.metrics.posts[postDone].Inc()
	case errors.Is(err, gateway.ErrGone):
		p.metrics.posts[postGone].Inc()
		p.source.gone(ctx, p.out.store, r)
	case errors.Is(err, gateway.ErrSlow):
		p.metrics.posts[postSlow].Inc()
	default:
		p.metrics.posts[postFailed].Inc()
	}
	return err
}

// mayPass reports whether another attempt may succeed. API Gateway calls a young connection gone until $connect is answered.
func mayPass(err error, young bool) bool {
	if errors.Is(err, gateway.ErrGone) {
		return young
	}
	refusal, refused := errors.AsType[*amazon.Error](err)
	return !refused || !refusal.Permanent
}

// deliveryResult counts the outcomes of a message to a room.
type deliveryResult struct {
	mu        sync.Mutex
	delivered int
	slow      []string
	failed    int
	err       error // the first failure
}

func (a *deliveryResult) record(r row, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == nil:
		a.delivered++
	case errors.Is(err, gateway.ErrSlow):
		a.slow = append(a.slow, r.connection)
	case !errors.Is(err, gateway.ErrGone):
		a.failed++
		if a.err == nil {
			a.err = err
		}
	}
}

// finish disconnects slow connections and logs failures. If no connection got the message, the account exceeds its request rate and
// no client is to blame.
func (p *sender) finish(ctx context.Context, room string, a *deliveryResult, listing error) {
	if a.delivered > 0 {
		for _, connection := range a.slow {
			p.source.log.Warn("disconnecting a connection that does not read", "connection", connection, "room", room)
			if err := p.out.api.Disconnect(ctx, connection); err != nil && !errors.Is(err, gateway.ErrGone) {
				p.source.log.Warn("slow connection was not disconnected", "connection", connection, "err", err)
			}
		}
	} else if len(a.slow) > 0 {
		a.failed += len(a.slow)
		a.err = errors.Join(a.err, gateway.ErrSlow)
	}
	if listing != nil {
		p.metrics.dropped.Inc()
	}
	if err := errors.Join(listing, a.err); err != nil {
		p.source.log.Warn("message was not delivered to every connection in the room", "room", room, "delivered", a.delivered, "failed", a.failed, "err", fmt.Sprint(err))
	}
}
