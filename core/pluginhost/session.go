package pluginhost

import (
	"context"
	"slices"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Session hands deliveries to one process of a plugin and takes their results. One goroutine sends and one receives. It
// ends with the process; the plugin's next process needs a new Session.
type Session struct {
	inst   *instance
	ctx    context.Context
	cancel context.CancelFunc

	window, maxBatch int

	link link

	mu      sync.Mutex
	pending int           // sent and without a result
	quiet   chan struct{} // made by refuse, closed when pending is 0
}

// link carries deliveries one way and results the other.
type link interface {
	// send hands over one message's worth. A nil error does not mean that it arrived; recv reports a lost connection.
	send([]Delivery) error
	recv() ([]*pluginv1.Result, error)
}

// openSession opens the only session of this process at a time.
func (i *instance) openSession() (*Session, error) {
	i.sessionMu.Lock()
	defer i.sessionMu.Unlock()
	if i.session != nil {
		return nil, errSessionOpen
	}
	limits := i.desc.GetLimits()
	s := &Session{
		inst:     i,
		window:   orDefault(limits.GetMaxInFlight(), handshake.DefaultMaxInFlight),
		maxBatch: min(orDefault(limits.GetMaxBatch(), handshake.MaxBatch), handshake.MaxBatch),
	}
	if c := i.spec.Concurrency; c > 0 {
		s.window = min(s.window, c)
	}
	s.maxBatch = min(s.maxBatch, s.window)
	s.ctx, s.cancel = context.WithCancel(i.ctx)
	if err := s.open(); err != nil {
		s.cancel()
		i.fail(reasonStream, "could not open its stream: "+err.Error())
		return nil, err
	}
	i.session = s
	return s, nil
}

func (s *Session) open() (err error) {
	if slices.Contains(s.inst.desc.GetCapabilities(), pluginv1.Capability_CAPABILITY_STREAM) {
		s.link, err = openStream(s.ctx, s.inst.conn)
		return err
	}
	s.link = newBatchLink(s.ctx, s.inst.conn)
	return nil
}

func orDefault(announced uint32, def int) int {
	if announced == 0 {
		return def
	}
	return int(min(announced, 1<<20))
}

// Window is how many deliveries may be sent and not yet answered: the plugin's limit or the configured concurrency,
// whichever is smaller. The caller must not exceed it; Send does not check.
func (s *Session) Window() int { return s.window }

// MaxBatch is how many deliveries the plugin takes in one message. Send splits larger batches.
func (s *Session) MaxBatch() int { return s.maxBatch }

// Send hands deliveries to the plugin, in messages of at most MaxBatch and 256 KiB; a larger delivery goes alone. It does
// not keep the slice, but reads the deliveries' bytes until their results have arrived. It blocks while the plugin does not
// read. Recv, and later calls to Send, return LostError when the process has died. After Close, and while the plugin stops,
// Send returns ErrStopped.
func (s *Session) Send(ds []Delivery) error {
	for len(ds) > 0 {
		n := batchLen(ds, s.maxBatch)
		if err := s.sendBatch(ds[:n]); err != nil {
			return err
		}
		ds = ds[n:]
	}
	return nil
}

// batchLen is how many of ds fit into one message, at least one.
func batchLen(ds []Delivery, limit int) int {
	size := 0
	for n := range ds {
		size += sizeInRequest(&ds[n])
		if n == limit || n > 0 && size > handshake.MaxBatchBytes {
			return n
		}
	}
	return len(ds)
}

// sendBatch sends one message. It counts the deliveries as pending before it sends them, because results may arrive at once.
func (s *Session) sendBatch(ds []Delivery) error {
	if err := s.ctx.Err(); err != nil {
		return s.end(err)
	}
	s.mu.Lock()
	if s.quiet != nil {
		s.mu.Unlock()
		return ErrStopped
	}
	s.pending += len(ds)
	s.mu.Unlock()
	if err := s.link.send(ds); err != nil {
		return s.end(err)
	}
	return nil
}

// refuse makes Send return ErrStopped from now on. The Session may be nil.
func (s *Session) refuse() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quiet = make(chan struct{})
	s.settle(0)
}

// awaitResults waits, after refuse, until everything sent has its result, the session is closed or ctx ends.
func (s *Session) awaitResults(ctx context.Context) {
	if s == nil {
		return
	}
	select {
	case <-s.quiet:
	case <-s.ctx.Done():
	case <-ctx.Done():
	}
}

// settle subtracts n results from pending. The caller holds mu.
func (s *Session) settle(n int) {
	before := s.pending
	s.pending = max(0, before-n)
	if s.quiet != nil && s.pending == 0 && (before > 0 || n == 0) {
		close(s.quiet)
	}
}

// Recv waits for results, in any order and for any of the deliveries sent. A LostError means that the process is gone and
// that the outcome of every unanswered delivery is unknown; Recv returns it only after the process has ended, so that it can
// name the cause. After Close it returns ErrStopped.
func (s *Session) Recv() ([]*pluginv1.Result, error) {
	for {
		results, err := s.link.recv()
		if err != nil {
			return nil, s.end(err)
		}
		if len(results) == 0 {
			continue
		}
		s.mu.Lock()
		s.settle(len(results))
		s.mu.Unlock()
		return results, nil
	}
}

// end returns why the session is over. Unless the session was closed, it ends the process too.
func (s *Session) end(err error) error {
	switch {
	case s.ctx.Err() != nil && s.inst.ctx.Err() == nil:
		return ErrStopped
	case status.Code(err) == codes.Unimplemented:
		s.inst.fail(reasonContract, "announces the capability STREAM but does not implement Deliver: implement it, or do not announce it")
	default:
		s.inst.fail(reasonStream, "broke its connection: "+err.Error())
	}
	return s.inst.lost()
}

// Close abandons the session: results that have not arrived are lost, the process keeps running, and Send and Recv return.
// It may be called more than once.
func (s *Session) Close() {
	s.cancel()
	s.inst.sessionMu.Lock()
	defer s.inst.sessionMu.Unlock()
	if s.inst.session == s {
		s.inst.session = nil
	}
}
