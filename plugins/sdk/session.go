package sdk

import (
	"context"
	"sync"

	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

// session is one Deliver stream or one DeliverBatch call. It counts its deliveries and queues their results.
type session struct {
	ctx context.Context // of its deliveries

	mu      sync.Mutex
	pending int // received and not settled
	ready   []*pluginv1.Result
	wake    chan struct{} // signals new results to the sender
}

func newSession(ctx context.Context) *session {
	return &session{ctx: ctx, wake: make(chan struct{}, 1)}
}

// add counts n deliveries that were received.
func (s *session) add(n int) {
	s.mu.Lock()
	s.pending += n
	s.mu.Unlock()
}

// settle queues a result for sending. It never blocks.
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

// take returns the queued results and the number of deliveries without one. The session reuses the empty slice.
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

// sizeOf estimates the encoded size of r.
func sizeOf(r *pluginv1.Result) int {
	if len(r.GetEffects()) > 0 {
		return proto.Size(r)
	}
	return 32 + len(r.GetId()) + len(r.GetMessage()) + len(r.GetReceipt())
}
