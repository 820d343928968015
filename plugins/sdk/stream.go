package sdk

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

var (
	errStreamLost = errors.New("the router's stream ended")
	errStopping   = errors.New("the plugin is stopping")
)

// lostGrace is how long deliveries may continue after their stream is lost, so that they need not stop half-way. The router
// sends them again in any case.
const lostGrace = time.Second

// Deliver serves the stream: this goroutine receives, the pool works, a second goroutine sends.
func (s *Server) Deliver(stream pluginv1.PluginService_DeliverServer) error {
	if !s.begin() {
		return errStopped
	}
	defer s.sessions.Done()
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(errStreamLost)
	sess := newSession(ctx)
	closing := make(chan struct{})
	sent := make(chan error, 1)
	go func() { sent <- s.send(sess, stream, closing) }()

	err := s.receive(sess, stream)
	close(closing)
	if errors.Is(err, io.EOF) { // the router sends no more: answer what it sent
		return <-sent
	}
	grace := time.AfterFunc(lostGrace, func() { cancel(errStreamLost) })
	defer grace.Stop()
	if serr := <-sent; serr != nil {
		s.log.Debug("results of a lost stream were not sent", "err", serr)
	}
	return err
}

func (s *Server) receive(sess *session, stream pluginv1.PluginService_DeliverServer) error {
	for {
		req, err := stream.Recv()
		if err != nil {
			return err
		}
		s.accept(sess, req.GetDeliveries())
	}
}

// accept passes deliveries to the pool, or answers them at once if they cannot be processed.
func (s *Server) accept(sess *session, ds []*pluginv1.Delivery) {
	sess.add(len(ds))
	open := s.gate.enter(len(ds))
	p := s.pool.Load()
	now := time.Now()
	for _, d := range ds {
		switch {
		case !open:
			sess.settle(notStarted(d.GetId()))
		case p == nil:
			sess.settle(retry(d.GetId(), "the plugin is not configured: call Configure before the first delivery"))
		default:
			t := task{delivery: d, session: sess}
			if d.GetTimeout() != nil {
				t.deadline = now.Add(d.GetTimeout().AsDuration())
			}
			if !p.submit(sess.ctx, t) {
				sess.settle(retry(d.GetId(), context.Cause(sess.ctx).Error()))
			}
		}
	}
}

// send sends results as they become ready, until closing is closed and nothing is pending. After an error it keeps taking
// results without sending them, so that the deliveries can end.
func (s *Server) send(sess *session, stream pluginv1.PluginService_DeliverServer, closing <-chan struct{}) error {
	var failed error
	var buffer []*pluginv1.Result
	out := &pluginv1.DeliverResponse{}
	closed := false
	for {
		ready, pending := sess.take(buffer)
		for rest := ready; len(rest) > 0; {
			n := cut(rest)
			out.Results = rest[:n]
			if failed == nil {
				failed = stream.Send(out)
			}
			s.gate.leave(n)
			rest = rest[n:]
		}
		clear(ready)
		buffer = ready
		if closed && pending == 0 && len(ready) == 0 {
			return failed
		}
		if len(ready) > 0 {
			continue
		}
		select {
		case <-sess.wake:
			runtime.Gosched() // lets other finished workers add their results: fewer and fuller messages
		case <-closing:
			closing, closed = nil, true
		}
	}
}

// DeliverBatch processes a batch with the same workers as Deliver.
func (s *Server) DeliverBatch(ctx context.Context, req *pluginv1.DeliverBatchRequest) (*pluginv1.DeliverBatchResponse, error) {
	if !s.begin() {
		return nil, errStopped
	}
	defer s.sessions.Done()
	base, cancel := context.WithCancelCause(s.ctx)
	defer cancel(errStreamLost)
	defer context.AfterFunc(ctx, func() { cancel(errStreamLost) })()
	sess := newSession(base)
	n := len(req.GetDeliveries())
	defer s.gate.leave(n)
	s.accept(sess, req.GetDeliveries())
	results := make([]*pluginv1.Result, 0, n)
	for {
		ready, _ := sess.take(nil)
		results = append(results, ready...)
		if len(results) == n {
			return &pluginv1.DeliverBatchResponse{Results: results}, nil
		}
		<-sess.wake
	}
}
