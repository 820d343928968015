package sqlite

import (
	"context"
	"runtime"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

const (
	// groupOps and groupBytes limit one transaction, so that no caller waits for a very long one.
	groupOps   = 1024
	groupBytes = 16 << 20
	// While the last event is younger than appendLull, settlements wait up to settleWait for the next one.
	appendLull = 10 * time.Millisecond
	settleWait = 2 * time.Millisecond
)

// op is a write that a caller waits for. The writer's goroutine calls all its methods.
type op interface {
	// write runs inside a transaction shared with other ops. A refused error fails this op alone, which must have written
	// nothing; any other error rolls the whole transaction back.
	write(tx *tx) error
	// committed runs when the commit is on disk, failed when it never will be.
	committed()
	failed()
	base() *opBase
}

// opBase is the part common to all ops: the caller that waits.
type opBase struct {
	ctx   context.Context
	done  chan error
	bytes int64
	err   error // of write, if only this op failed
}

func (b *opBase) base() *opBase { return b }

// writer owns the one connection that writes.
type writer struct {
	j      *Journal
	c      *sqlite.Conn
	s      statements
	ops    chan op
	finish chan struct{} // requests a checkpoint between two transactions
	exited chan struct{}

	lastAppend      time.Time
	event, delivery int64 // last numbers assigned
	tailID          int64
	written         int64 // bytes since the last requested checkpoint
	plugins         map[string]int64
	sources         map[string]int64
	dispatches      map[dispatchKey]int64
	forgotten       int // how often dispatches was cleared
	blocks          blocks
	loading         []*queue // locked by holdLoading
	tx              tx
}

func newWriter(j *Journal, c *sqlite.Conn) *writer {
	return &writer{
		j: j, c: c,
		ops:        make(chan op, groupOps),
		finish:     make(chan struct{}, 1),
		exited:     make(chan struct{}),
		plugins:    make(map[string]int64),
		sources:    make(map[string]int64),
		dispatches: make(map[dispatchKey]int64),
		tx:         tx{newKeys: make(map[keyHash]seenEntry)},
	}
}

func (w *writer) start() { go w.run() }

// hand queues o for the writer. It waits for room until ctx ends. The writer skips o if owner has ended by then.
func (w *writer) hand(owner, ctx context.Context, o op) error {
	b := o.base()
	b.ctx, b.done = owner, make(chan error, 1)
	if w.j.closing.Err() != nil {
		return journal.ErrClosed
	}
	select {
	case w.ops <- o:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-w.j.closing.Done():
		return journal.ErrClosed
	}
}

// do queues o and waits until it is on disk.
func (w *writer) do(ctx context.Context, o op) error {
	if err := w.hand(ctx, ctx, o); err != nil {
		o.failed()
		return err
	}
	b := o.base()
	select {
	case err := <-b.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-w.exited:
		select {
		case err := <-b.done:
			return err
		default:
			return journal.ErrClosed
		}
	}
}

// run commits groups of ops until the journal closes, and checkpoints between them.
func (w *writer) run() {
	defer close(w.exited)
	group := make([]op, 0, groupOps)
	for {
		select {
		case o := <-w.ops:
			// Let callers that were just answered queue their next op: a third fewer commits under load, and no cost without.
			runtime.Gosched()
			group = w.awaitAppend(w.gather(append(group[:0], o)))
			w.commitGroup(group)
			clear(group)
		case <-w.finish:
			w.checkpoint()
		case <-w.j.closing.Done():
			w.drain(group)
			return
		}
	}
}

// drain commits what was queued before the journal was closed.
func (w *writer) drain(group []op) {
	for {
		select {
		case o := <-w.ops:
			w.commitGroup(w.gather(append(group[:0], o)))
		default:
			return
		}
	}
}

// awaitAppend lets settlements share the commit of the next event while events arrive. A sender waits for the commit of its event
// and nobody for a settlement, so a commit with settlements only would delay the next event. A settlement that releases another
// delivery of its key does not wait. Letting events wait for one another was slower.
func (w *writer) awaitAppend(group []op) []op {
	if !onlySettles(group) || time.Since(w.lastAppend) > appendLull {
		return group
	}
	timer := time.NewTimer(settleWait)
	defer timer.Stop()
	for len(group) < groupOps && onlySettles(group) {
		select {
		case o := <-w.ops:
			group = w.gather(append(group, o))
		case <-timer.C:
			return group
		case <-w.j.closing.Done():
			return group
		}
	}
	return group
}

// onlySettles reports whether nobody waits for an op in the group.
func onlySettles(group []op) bool {
	for _, o := range group {
		if s, ok := o.(*settleOp); !ok || s.ordered {
			return false
		}
	}
	return true
}

// gather adds the queued ops, without waiting for more.
func (w *writer) gather(group []op) []op {
	var bytes int64
	for _, o := range group {
		bytes += o.base().bytes
	}
	for len(group) < groupOps && bytes < groupBytes {
		select {
		case o := <-w.ops:
			group = append(group, o)
			bytes += o.base().bytes
		default:
			return group
		}
	}
	return group
}
