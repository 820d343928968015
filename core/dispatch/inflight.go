package dispatch

import (
	"container/heap"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// sentDelivery is one delivery that was sent and is not answered yet.
type sentDelivery struct {
	delivery       *journal.Delivery
	sent, deadline time.Time
	index          int // in inFlightSet.byDeadline
}

// inFlightSet holds what is in flight, found by id and ordered by deadline. One heap is cheaper than a timer per delivery: nearly
// all deliveries of a plugin have the same timeout, so they arrive sorted and a push costs one comparison.
type inFlightSet struct {
	byID       map[string]*sentDelivery
	byDeadline deadlineHeap
	free       []*sentDelivery // reused, so that sending allocates nothing
}

func newInFlightSet() inFlightSet { return inFlightSet{byID: make(map[string]*sentDelivery)} }

func (f *inFlightSet) len() int { return len(f.byDeadline) }

// earliest is the next deadline.
func (f *inFlightSet) earliest() (deadline time.Time, ok bool) {
	if len(f.byDeadline) == 0 {
		return time.Time{}, false
	}
	return f.byDeadline[0].deadline, true
}

// add records that d was sent at now.
func (f *inFlightSet) add(d *journal.Delivery, now time.Time) (deadline time.Time) {
	var x *sentDelivery
	if n := len(f.free); n > 0 {
		x, f.free = f.free[n-1], f.free[:n-1]
	} else {
		x = new(sentDelivery)
	}
	*x = sentDelivery{delivery: d, sent: now, deadline: graceDeadline(d.Policy, now)}
	f.byID[d.ID] = x
	heap.Push(&f.byDeadline, x)
	return x.deadline
}

// take removes the delivery with the id; ok is false when it is not in flight.
func (f *inFlightSet) take(id string) (x sentDelivery, ok bool) {
	found, ok := f.byID[id]
	if !ok {
		return sentDelivery{}, false
	}
	return f.remove(found), true
}

// overdue removes one delivery whose deadline has passed, if there is one.
func (f *inFlightSet) overdue(now time.Time) (x sentDelivery, ok bool) {
	if len(f.byDeadline) == 0 || now.Before(f.byDeadline[0].deadline) {
		return sentDelivery{}, false
	}
	return f.remove(f.byDeadline[0]), true
}

// takeAll removes everything, earliest deadline first.
func (f *inFlightSet) takeAll() []sentDelivery {
	all := make([]sentDelivery, 0, len(f.byDeadline))
	for len(f.byDeadline) > 0 {
		all = append(all, f.remove(f.byDeadline[0]))
	}
	return all
}

func (f *inFlightSet) remove(x *sentDelivery) sentDelivery {
	taken := *x
	delete(f.byID, x.delivery.ID)
	heap.Remove(&f.byDeadline, x.index)
	*x = sentDelivery{}
	f.free = append(f.free, x)
	return taken
}

// deadlineHeap implements heap.Interface; each element knows its place.
type deadlineHeap []*sentDelivery

func (h deadlineHeap) Len() int           { return len(h) }
func (h deadlineHeap) Less(i, j int) bool { return h[i].deadline.Before(h[j].deadline) }

func (h deadlineHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *deadlineHeap) Push(x any) {
	d := x.(*sentDelivery)
	d.index = len(*h)
	*h = append(*h, d)
}

func (h *deadlineHeap) Pop() any {
	last := len(*h) - 1
	d := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return d
}
