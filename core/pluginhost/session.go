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
// ends with the process: the plugin's next process needs a new Session.
type Session struct {
	inst   *instance
	ctx    context.Context
	cancel context.CancelFunc

	window, maxBatch int

	mu   sync.Mutex
	link link
	// unanswered is what was sent before the first result: until then the plugin may still answer that it has no stream,
	// and then it has seen none of it.
	unanswered []Delivery
	answered   bool
	pending    int           // sent and without a result
	quiet      chan struct{} // made by refuse, closed when pending is 0
}

// link carries deliveries one way and results the other.
type link interface {
	// send hands over one message's worth. A nil error does not mean that it arrived: recv tells.
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
	s.link, s.answered = newBatchLink(s.ctx, s.inst.conn), true
	return nil
}

func orDefault(announced uint32, def int) int {
	if announced == 0 {
		return def
	}
	return int(min(announced, 1<<20))
}

// Window is how many deliveries may be sent and not yet answered: the plugin's limit or the configured concurrency. The
// caller keeps to it.
func (s *Session) Window() int { return s.window }

// MaxBatch is how many deliveries the plugin takes in one message. Send splits what is more.
func (s *Session) MaxBatch() int { return s.maxBatch }

// Send hands deliveries to the plugin, in messages of at most MaxBatch and 256 KiB; a larger delivery goes alone. It does
// not keep the slice, but reads the deliveries' bytes until their results came. It blocks while the plugin does not read.
// That the process was lost is told by Recv, and by later calls of Send. After Close, and when the plugin is stopping, Send returns
// ErrStopped.
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

func (s *Session) sendBatch(ds []Delivery) error {
	if err := s.ctx.Err(); err != nil {
		return s.end(err)
	}
	s.mu.Lock()
	if s.quiet != nil {
		s.mu.Unlock()
		return ErrStopped
	}
	if !s.answered {
		s.unanswered = append(s.unanswered, ds...)
	}
	s.pending += len(ds)
	l := s.link
	s.mu.Unlock()
	if err := l.send(ds); err != nil {
		return s.end(err)
	}
	return nil
}

// refuse lets nothing more be sent. A nil Session has nothing to refuse.
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

// settle takes n results off what is pending. With mu held.
func (s *Session) settle(n int) {
	before := s.pending
	s.pending = max(0, before-n)
	if s.quiet != nil && s.pending == 0 && (before > 0 || n == 0) {
		close(s.quiet)
	}
}

// Recv waits for results, in any order and of any of the deliveries sent. A LostError means that the process is gone and
// the outcome of everything unanswered unknown; it comes when the process has ended, so that it can say why. After Close
// it returns ErrStopped.
func (s *Session) Recv() ([]*pluginv1.Result, error) {
	for {
		s.mu.Lock()
		l := s.link
		s.mu.Unlock()
		results, err := l.recv()
		switch {
		case err == nil && len(results) > 0:
			s.confirm(len(results))
			return results, nil
		case err != nil && !s.fallBack(err):
			return nil, s.end(err)
		}
	}
}

// confirm notes that the plugin answers by the way it was asked.
func (s *Session) confirm(results int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(results)
	s.answered, s.unanswered = true, nil
}

// fallBack goes over to DeliverBatch when the plugin turns out to have no stream.
func (s *Session) fallBack(err error) bool {
	s.mu.Lock()
	if s.answered || status.Code(err) != codes.Unimplemented {
		s.mu.Unlock()
		return false
	}
	again := s.unanswered
	s.pending -= len(again) // Send counts them again
	s.link, s.answered, s.unanswered = newBatchLink(s.ctx, s.inst.conn), true, nil
	s.mu.Unlock()
	s.inst.log.Warn("plugin announces a stream and has none, using DeliverBatch")
	go func() { _ = s.Send(again) }() // an error is told by recv
	return true
}

// end says why the session is over, and gives the process up unless the session was closed.
func (s *Session) end(err error) error {
	if s.ctx.Err() != nil && s.inst.ctx.Err() == nil {
		return ErrStopped
	}
	s.inst.fail(reasonStream, "broke its connection: "+err.Error())
	return s.inst.lost()
}

// Close gives the session up; results still owed are lost, and the process stays. It may be called more than once, and
// makes Send and Recv return.
func (s *Session) Close() {
	s.cancel()
	s.inst.sessionMu.Lock()
	defer s.inst.sessionMu.Unlock()
	if s.inst.session == s {
		s.inst.session = nil
	}
}
