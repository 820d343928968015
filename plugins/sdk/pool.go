package sdk

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// task is one delivery on its way through the pool.
type task struct {
	delivery *pluginv1.Delivery
	deadline time.Time // zero: none
	session  *session
}

// engine processes deliveries. It answers each with exactly one result and never panics.
type engine interface {
	one(ctx context.Context, d *pluginv1.Delivery) *pluginv1.Result
	// many is used when batch says so. The results are in the order of ds.
	many(ctx context.Context, ds []*pluginv1.Delivery) []*pluginv1.Result
	batch() bool
}

// pool runs tasks on workers that it keeps, because a goroutine per delivery costs more than most of the work around it. It
// grows to as many workers as were ever needed at once, up to its size.
type pool struct {
	engine   engine
	maxBatch int
	size     int32
	queue    chan task
	workers  atomic.Int32
	idle     atomic.Int32
	wg       sync.WaitGroup
}

func newPool(e engine, maxInFlight, maxBatch int) *pool {
	p := &pool{engine: e, maxBatch: maxBatch, size: int32(maxInFlight), queue: make(chan task, maxInFlight)}
	if e.batch() {
		p.size = 1
	}
	return p
}

// submit queues a task. It returns false when ctx ends first, which takes a router that exceeds MaxInFlight and fills the queue.
func (p *pool) submit(ctx context.Context, t task) bool {
	select {
	case p.queue <- t:
	default:
		select {
		case p.queue <- t:
		case <-ctx.Done():
			return false
		}
	}
	p.grow()
	return true
}

// grow adds a worker when more tasks wait than workers are idle.
func (p *pool) grow() {
	for int(p.idle.Load()) < len(p.queue) {
		n := p.workers.Load()
		if n >= p.size {
			return
		}
		if p.workers.CompareAndSwap(n, n+1) {
			p.idle.Add(1) // counts as idle until it takes its first task
			p.wg.Add(1)
			go p.work()
			return
		}
	}
}

// work runs tasks until the pool is closed. A handler that ends its goroutine is replaced by another worker.
func (p *pool) work() {
	defer p.wg.Done()
	defer func() { // the pool was closed, or a handler called runtime.Goexit
		p.workers.Add(-1)
		p.grow()
	}()
	for {
		t, ok := <-p.queue
		p.idle.Add(-1)
		if !ok {
			return
		}
		p.grow() // tasks that still wait may have relied on this worker
		if p.engine.batch() {
			p.runMany(p.collect(t))
		} else {
			p.runOne(t)
		}
		p.idle.Add(1)
	}
}

// runOne runs one task under its deadline and settles it whatever the handler does.
func (p *pool) runOne(t task) {
	ctx := t.session.ctx
	if !t.deadline.IsZero() {
		own := withDeadline(ctx, t.deadline)
		defer own.end()
		ctx = own
	}
	r := retry(t.delivery.GetId(), "the handler ended its goroutine (runtime.Goexit)")
	defer func() { t.session.settle(r) }()
	r = p.engine.one(ctx, t.delivery)
}

// collect makes a batch of a task and those that wait.
func (p *pool) collect(first task) []task {
	batch := append(make([]task, 0, min(len(p.queue)+1, p.maxBatch)), first)
	for len(batch) < p.maxBatch {
		select {
		case t, ok := <-p.queue:
			if !ok {
				return batch
			}
			batch = append(batch, t)
		default:
			return batch
		}
	}
	return batch
}

// runMany runs a batch and settles every task of it whatever the handler does.
func (p *pool) runMany(batch []task) {
	ctx, cancel := batchContext(batch)
	defer cancel()
	ds, rs := make([]*pluginv1.Delivery, len(batch)), make([]*pluginv1.Result, len(batch))
	for i, t := range batch {
		ds[i] = t.delivery
		rs[i] = retry(t.delivery.GetId(), "the handler ended its goroutine (runtime.Goexit)")
	}
	defer func() {
		for i, t := range batch {
			t.session.settle(rs[i])
		}
	}()
	copy(rs, p.engine.many(ctx, ds))
}

// batchContext ends at the earliest deadline and with the session of the first task. In practice there is only one session.
func batchContext(batch []task) (context.Context, context.CancelFunc) {
	var earliest time.Time
	for _, t := range batch {
		if !t.deadline.IsZero() && (earliest.IsZero() || t.deadline.Before(earliest)) {
			earliest = t.deadline
		}
	}
	if earliest.IsZero() {
		return context.WithCancel(batch[0].session.ctx)
	}
	return context.WithDeadline(batch[0].session.ctx, earliest)
}

// close ends the workers and waits for them. No submit may follow.
func (p *pool) close() {
	close(p.queue)
	p.wg.Wait()
}
