package sqlite

import (
	"context"
	"runtime"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

const (
	// groupOps and groupBytes bound one transaction, so that no caller waits for a very long one.
	groupOps   = 1024
	groupBytes = 16 << 20
	// While the last event is younger than appendLull, settlements wait up to settleWait for the next one.
	appendLull = 10 * time.Millisecond
	settleWait = 2 * time.Millisecond
)

// op is a piece of writing that a caller waits for. All its methods are called by the writer's goroutine.
type op interface {
	// write runs inside the transaction that other ops share. An error that is refused fails this op alone, which has
	// written nothing; any other error rolls the whole transaction back.
	write(tx *tx) error
	// committed runs after the commit is on disk, failed when it will never be.
	committed()
	failed()
	base() *opBase
}

// opBase is what every op has: who waits for it.
type opBase struct {
	ctx   context.Context
	done  chan error
	bytes int64
	err   error // of write, when only this op failed
}

func (b *opBase) base() *opBase { return b }

// writer owns the one connection that writes.
type writer struct {
	j      *Journal
	c      *sqlite.Conn
	s      statements
	ops    chan op
	finish chan struct{} // asks for a checkpoint between two transactions
	exited chan struct{}

	lastAppend      time.Time
	event, delivery int64 // last numbers given
	tailID          int64
	written         int64 // bytes since the last checkpoint was asked for
	plugins         map[string]int64
	dispatches      map[dispatchKey]int64
	tx              tx
}

func newWriter(j *Journal, c *sqlite.Conn) *writer {
	return &writer{
		j: j, c: c,
		ops:        make(chan op, groupOps),
		finish:     make(chan struct{}, 1),
		exited:     make(chan struct{}),
		plugins:    make(map[string]int64),
		dispatches: make(map[dispatchKey]int64),
		tx:         tx{fresh: make(map[keyHash]seenEntry)},
	}
}

func (w *writer) start() { go w.run() }

// hand gives o to the writer. It waits for room until ctx ends; the writer takes no notice of o once owner has ended.
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

// do hands o to the writer and waits until it is on disk.
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

func (w *writer) run() {
	defer close(w.exited)
	group := make([]op, 0, groupOps)
	for {
		select {
		case o := <-w.ops:
			// Let those who were just answered bring their next: a third fewer commits under load, and free without.
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

// drain commits what was handed over before the journal was closed.
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

// awaitAppend gives settlements the chance to share the commit of the next event while events come in: somebody waits for
// the answer to an event and nobody for a settlement, so a commit of settlements alone would only make the next event wait.
// A settlement that lets another delivery go does not wait. (To let events wait for one another was measured too: slower.)
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

// onlySettles is false when somebody waits for something in the group.
func onlySettles(group []op) bool {
	for _, o := range group {
		if s, ok := o.(*settleOp); !ok || s.ordered {
			return false
		}
	}
	return true
}

// gather adds what is waiting, without waiting for more.
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
