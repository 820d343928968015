package sdk

import (
	"context"
	"sync"

	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

// session is one Deliver stream or one DeliverBatch call: the deliveries that came with it, and their results on the way
// back.
type session struct {
	ctx context.Context // of its deliveries

	mu      sync.Mutex
	pending int // received and not settled
	ready   []*pluginv1.Result
	wake    chan struct{} // holds a token when there is something new for the sender
}

func newSession(ctx context.Context) *session {
	return &session{ctx: ctx, wake: make(chan struct{}, 1)}
}

// owe counts deliveries that came in.
func (s *session) owe(n int) {
	s.mu.Lock()
	s.pending += n
	s.mu.Unlock()
}

// settle queues a result for sending. It never waits.
func (s *session) settle(r *pluginv1.Result) {
	s.mu.Lock()
	s.pending--
	s.ready = append(s.ready, r)
	first := len(s.ready) == 1
	s.mu.Unlock()
	if first {
		s.poke()
	}
}

func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take returns the results that are ready, in exchange for an empty slice, and how many deliveries are still under way.
func (s *session) take(empty []*pluginv1.Result) (ready []*pluginv1.Result, pending int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ready, s.ready = s.ready, empty[:0]
	return ready, s.pending
}

// cut returns how many of rs go into one message.
func cut(rs []*pluginv1.Result) int {
	n, size := 0, 0
	for n < len(rs) && n < handshake.MaxBatch {
		size += sizeOf(rs[n])
		if n > 0 && size > handshake.MaxBatchBytes {
			break
		}
		n++
	}
	return n
}

// sizeOf is about what r takes on the wire.
func sizeOf(r *pluginv1.Result) int {
	if len(r.GetEffects()) > 0 {
		return proto.Size(r)
	}
	return 32 + len(r.GetId()) + len(r.GetMessage()) + len(r.GetReceipt())
}
