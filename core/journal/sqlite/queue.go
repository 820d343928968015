package sqlite

import (
	"container/heap"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// item is a delivery in memory with its payload.
type item struct {
	q        *queue
	keyQueue *keyQueue
	d        journal.Delivery
	prior    int // attempts before the last re-drive
	size     int64
	settling bool
}

func itemBytes(d *journal.Delivery) int64 {
	return int64(len(d.Envelope) + len(d.Arguments) + len(d.OrderKey) + 400)
}

// entry is a pending delivery in memory. It is small, so that a deep backlog or many waiting retries cost little.
type entry struct {
	seq      int64
	due      int64     // by the journal's clock; 0: never tried, due at once
	keyQueue *keyQueue // of its order key, nil without one
	item     *item     // nil: read it from the file
}

// keyQueue holds the entries of one order key in order of arrival. Only the first may be claimed, one at a time.
type keyQueue struct {
	key     string
	entries []entry
	claimed int64 // 0: none
}

func (l *keyQueue) find(seq int64) int {
	return sort.Search(len(l.entries), func(i int) bool { return l.entries[i].seq >= seq })
}

// queue has the pending deliveries of one plugin. Those up to the number loadedUpTo are in memory; the others, if hasMoreOnDisk, are
// only in the file and are read in order when there is room.
type queue struct {
	plugin        string
	j             *Journal
	pending, dead atomic.Int64

	// loading is held while entries are read from the file and while dead letters become pending again, so that no entry is taken
	// in twice. Lock it before mu.
	loading sync.Mutex
	wake    chan struct{}

	mu            sync.Mutex
	newEntries    fifo      // never offered, in order
	requeued      entryHeap // never tried, but released or blocked before; by seq
	retries       entryHeap // tried and due again; by seq. Both heaps may hold entries that are no longer first of their key
	delayed       entryHeap // not due yet, by due
	byKey         map[string]*keyQueue
	blocked       int   // entries behind the first of their key
	loadedUpTo    int64 // all deliveries up to this number are in memory
	last          int64 // the highest committed number
	hasMoreOnDisk bool  // there are deliveries beyond loadedUpTo
	turn          bool  // alternates between first attempts and retries when both are due
}

func newQueue(j *Journal, plugin string) *queue {
	bySeq := func(a, b *entry) bool { return a.seq < b.seq }
	return &queue{
		j: j, plugin: plugin,
		wake:     make(chan struct{}, 1),
		requeued: entryHeap{less: bySeq},
		retries:  entryHeap{less: bySeq},
		delayed:  entryHeap{less: func(a, b *entry) bool { return a.due < b.due || a.due == b.due && a.seq < b.seq }},
		byKey:    make(map[string]*keyQueue),
	}
}

// queue returns the plugin's queue, which it makes if needed.
func (j *Journal) queue(plugin string) *queue {
	j.queues.Lock()
	defer j.queues.Unlock()
	q := j.queues.byName[plugin]
	if q == nil {
		q = newQueue(j, plugin)
		j.queues.byName[plugin] = q
	}
	return q
}

// arrive adds a delivery that was just committed. Its payload stays in memory if keep is set.
func (q *queue) arrive(it *item, keep bool) {
	q.pending.Add(1)
	q.mu.Lock()
	defer q.mu.Unlock()
	seq := it.d.Seq
	q.last = max(q.last, seq)
	if seq <= q.loadedUpTo { // refill has already read it
		q.drop(it, keep)
		return
	}
	if q.hasMoreOnDisk || q.full() {
		q.hasMoreOnDisk = true
		q.drop(it, keep)
		return
	}
	q.loadedUpTo = seq
	e := entry{seq: seq}
	if keep {
		e.item = it
	}
	if q.enter(&e, it.d.OrderKey) {
		q.newEntries.push(e)
		q.signal()
	}
}

func (q *queue) drop(it *item, kept bool) {
	if kept {
		q.j.cached.Add(-it.size)
	}
}

// full reports whether memory should take no more entries.
func (q *queue) full() bool {
	ready := q.ready()
	return ready >= q.j.o.tuning.readyMax || ready+q.delayed.Len()+q.blocked >= q.j.o.tuning.indexMax
}

// ready returns how many entries could be claimed now.
func (q *queue) ready() int { return q.newEntries.len() + q.requeued.Len() + q.retries.Len() }

// enter adds the entry to the queue of its order key and reports whether it may be claimed when it is due.
func (q *queue) enter(e *entry, key string) bool {
	if key == "" {
		return true
	}
	l := q.byKey[key]
	if l == nil {
		l = &keyQueue{key: key}
		q.byKey[key] = l
	}
	e.keyQueue = l
	i := l.find(e.seq)
	if len(l.entries) > 0 {
		q.blocked++
	}
	l.entries = append(l.entries, entry{})
	copy(l.entries[i+1:], l.entries[i:])
	l.entries[i] = *e
	return i == 0 && l.claimed == 0
}

// offer makes the entry claimable now, or when it is due.
func (q *queue) offer(e entry, now int64) {
	switch {
	case e.due > now:
		heap.Push(&q.delayed, e)
	case e.due > 0:
		heap.Push(&q.retries, e)
	default:
		heap.Push(&q.requeued, e)
	}
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take claims up to max entries in order of arrival. If there are none, it returns when the next is due (0: unknown).
func (q *queue) take(now int64, max int) (taken []entry, next int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.delayed.Len() > 0 && q.delayed.all[0].due <= now {
		heap.Push(&q.retries, heap.Pop(&q.delayed))
	}
	for len(taken) < max {
		e, ok := q.next()
		if !ok {
			break
		}
		if l := e.keyQueue; l != nil {
			// Another may have become the first of the key since, or this one was offered twice.
			if l.claimed != 0 || len(l.entries) == 0 || l.entries[0].seq != e.seq || l.entries[0].due > now {
				continue
			}
			l.claimed = e.seq
			e = l.entries[0]
		}
		taken = append(taken, e)
	}
	sort.Slice(taken, func(i, k int) bool { return taken[i].seq < taken[k].seq })
	if len(taken) == 0 && q.delayed.Len() > 0 {
		next = q.delayed.all[0].due
	}
	return taken, next
}

// next returns the first entry that was never tried, or every other time the first retry.
func (q *queue) next() (entry, bool) {
	again := q.retries.Len() > 0
	if again && q.newEntries.len()+q.requeued.Len() > 0 {
		q.turn = !q.turn
		again = q.turn
	}
	switch {
	case again:
		return heap.Pop(&q.retries).(entry), true
	case q.requeued.Len() > 0 && (q.newEntries.len() == 0 || q.requeued.all[0].seq < q.newEntries.all[q.newEntries.head].seq):
		return heap.Pop(&q.requeued).(entry), true
	}
	return q.newEntries.pop()
}

// settled ends a claim: the delivery is done or dead.
func (q *queue) settled(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.j.cached.Add(-it.size)
	l := it.keyQueue
	if l == nil {
		return
	}
	l.claimed = 0
	if i := l.find(it.d.Seq); i < len(l.entries) && l.entries[i].seq == it.d.Seq {
		if i == 0 {
			l.entries[0] = entry{}
			l.entries = l.entries[1:]
		} else {
			l.entries = append(l.entries[:i], l.entries[i+1:]...)
		}
	}
	if len(l.entries) == 0 {
		delete(q.byKey, l.key)
		return
	}
	q.blocked--
	q.offer(l.entries[0], q.j.clock())
}

// back ends a claim: the delivery is due again, at once (0 if it was never tried, otherwise any time in the past) or later.
func (q *queue) back(it *item, due int64, keep bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := entry{seq: it.d.Seq, due: due, keyQueue: it.keyQueue}
	if keep {
		e.item = it
	} else {
		q.j.cached.Add(-it.size)
	}
	now := q.j.clock()
	if l := it.keyQueue; l != nil {
		l.claimed = 0
		if i := l.find(e.seq); i < len(l.entries) {
			l.entries[i] = e
		}
		if first := l.entries[0]; first.seq != e.seq {
			e = first // an earlier one was re-driven in the meantime
		}
	}
	q.offer(e, now)
}

// unclaim returns entries that take has claimed and that were not handed out.
func (q *queue) unclaim(taken []entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.j.clock()
	for _, e := range taken {
		if e.keyQueue != nil {
			e.keyQueue.claimed = 0
			e = e.keyQueue.entries[0]
		}
		q.offer(e, now)
	}
}

// clock is wall time that does not jump when the system's clock is set, so that a retry waits exactly as long as requested.
func (j *Journal) clock() int64 { return j.clockOf(time.Now()) }

func (j *Journal) clockOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return j.base.UnixNano() + int64(t.Sub(j.base))
}
