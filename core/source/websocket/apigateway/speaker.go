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
)

const (
	// lanes work at the same time; what is said in one room goes through one of them, so that it arrives in order.
	lanes = 16
	// maxPosts is how many connections of one room are spoken to at the same time.
	maxPosts = 32
	// maxWaiting and maxWaitingBytes bound what waits: messages in one lane, and bytes of all.
	maxWaiting      = 512
	maxWaitingBytes = 64 << 20
	// lastWords is how long a stop waits for what is left to be said.
	lastWords = 5 * time.Second
	// youth is how long a connection may be listed before it is there: API Gateway waits 29 s for the answer to $connect.
	youth = 30 * time.Second
)

// speech is a message to a room, or to one connection.
type speech struct {
	room, connection, except string
	data                     []byte
}

// speaker says what is to be said in the background: whoever asks never waits.
type speaker struct {
	source  *Source
	metrics *sourceMetrics
	seed    maphash.Seed
	lanes   [lanes]chan speech

	mu      sync.Mutex
	bytes   int  // waiting
	stopped bool // nothing is taken any more

	// Of what start began.
	cancel  context.CancelFunc
	running sync.WaitGroup
	out     *outside
}

func newSpeaker(s *Source, m *sourceMetrics) *speaker {
	p := &speaker{source: s, metrics: m, seed: maphash.MakeSeed()}
	for i := range p.lanes {
		p.lanes[i] = make(chan speech, maxWaiting)
	}
	return p
}

// Broadcast sends a message to every connection in a room but the one of id except, which may be "". It waits for nobody, so it
// cannot know to how many: sent is always 0. API Gateway has no way to
// say that a message is binary.
func (s *Source) Broadcast(room string, data []byte, _ bool, except string) (sent int) {
	s.speaker.metrics.broadcasts.Inc()
	if len(data) > s.settings.Limits.Message {
		s.speaker.metrics.dropped.Inc()
		return 0
	}
	s.speaker.say(room, speech{room: room, except: except, data: data})
	return 0
}

// Send sends a message to one connection. It waits for nobody; the error is source.ErrBusy or source.ErrTooLarge, and
// never that the connection is gone.
func (s *Source) Send(connectionID string, data []byte, _ bool) error {
	if len(data) > s.settings.Limits.Message {
		return source.ErrTooLarge
	}
	if !s.speaker.say(connectionID, speech{connection: connectionID, data: data}) {
		return source.ErrBusy
	}
	return nil
}

// say queues a speech. What does not fit is dropped and counted.
func (p *speaker) say(lane string, s speech) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped && p.bytes+len(s.data) <= maxWaitingBytes {
		select {
		case p.lanes[maphash.String(p.seed, lane)%lanes] <- s:
			p.waits(len(s.data))
			return true
		default:
		}
	}
	p.metrics.dropped.Inc()
	return false
}

// waits counts bytes in and out. The caller holds mu.
func (p *speaker) waits(bytes int) {
	p.bytes += bytes
	p.metrics.waiting.Set(float64(p.bytes))
}

func (p *speaker) start(out *outside) {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.out = cancel, out
	for _, lane := range p.lanes {
		p.running.Go(func() {
			for s := range lane {
				p.speak(ctx, s)
				p.mu.Lock()
				p.waits(-len(s.data))
				p.mu.Unlock()
			}
		})
	}
}

// stop says what waits, as far as lastWords allows, and returns when nobody speaks any more.
func (p *speaker) stop() {
	p.mu.Lock()
	p.stopped = true
	for _, lane := range p.lanes {
		close(lane)
	}
	p.mu.Unlock()
	defer time.AfterFunc(lastWords, p.cancel).Stop()
	p.running.Wait()
	p.cancel()
}

// speak says one thing to all who are to hear it.
func (p *speaker) speak(ctx context.Context, s speech) {
	if ctx.Err() != nil {
		p.metrics.dropped.Inc()
		return
	}
	if s.connection != "" {
		p.send(ctx, s)
		return
	}
	var a audience
	var group errgroup.Group
	group.SetLimit(maxPosts)
	now := p.source.now()
	err := p.out.store.members(ctx, s.room, func(r row) {
		if r.connection == s.except || !r.expires.IsZero() && r.expires.Before(now) {
			return
		}
		group.Go(func() error {
			a.note(r, p.tell(ctx, r, s.data))
			return nil
		})
	})
	_ = group.Wait()
	p.reckon(ctx, s.room, &a, err)
}

func (p *speaker) send(ctx context.Context, s speech) {
	r, err := p.out.store.find(ctx, s.connection)
	if err == nil {
		r.connection = s.connection // it may be listed nowhere, and be there
		err = p.tell(ctx, r, s.data)
	}
	if err != nil && !errors.Is(err, errGone) {
		p.source.log.Warn("a connection did not get a message", "connection", s.connection, "err", err)
	}
}

// tell speaks to one connection, and ends it when it is gone.
func (p *speaker) tell(ctx context.Context, r row, data []byte) error {
	young := p.source.now().Sub(r.connected) < youth
	err := p.out.api.post(ctx, r.connection, data, young)
	switch {
	case err == nil:
		p.metrics.posts[postDone].Inc()
	case errors.Is(err, errGone):
		p.metrics.posts[postGone].Inc()
		if young || r.room == "" {
			break // it may come yet; or it was never listed
		}
		if err := p.source.end(ctx, p.out.store, r); err != nil {
			p.source.log.Warn("a connection that is gone stays on the list", "connection", r.connection, "err", err)
		}
	case errors.Is(err, errSlow):
		p.metrics.posts[postSlow].Inc()
	default:
		p.metrics.posts[postFailed].Inc()
	}
	return err
}

// audience is what became of a message to a room.
type audience struct {
	mu     sync.Mutex
	told   int
	slow   []string
	failed int
	err    error // the first failure
}

func (a *audience) note(r row, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == nil:
		a.told++
	case errors.Is(err, errSlow):
		a.slow = append(a.slow, r.connection)
	case !errors.Is(err, errGone):
		a.failed++
		if a.err == nil {
			a.err = err
		}
	}
}

// reckon disconnects those who are too slow, and logs what went wrong. When nobody was told, it is not them: the account may
// not call more often.
func (p *speaker) reckon(ctx context.Context, room string, a *audience, listing error) {
	if a.told > 0 {
		for _, connection := range a.slow {
			p.source.log.Warn("disconnecting a connection that takes no more messages", "connection", connection, "room", room)
			if err := p.out.api.disconnect(ctx, connection); err != nil {
				p.source.log.Warn("a slow connection was not disconnected", "connection", connection, "err", err)
			}
		}
	} else if len(a.slow) > 0 {
		a.failed += len(a.slow)
		a.err = errors.Join(a.err, errSlow)
	}
	if listing != nil {
		p.metrics.dropped.Inc()
	}
	if err := errors.Join(listing, a.err); err != nil {
		p.source.log.Warn("not everybody in a room got a message", "room", room, "told", a.told, "not_told", a.failed, "err", fmt.Sprint(err))
	}
}
