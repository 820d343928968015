package dispatch

import (
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// flight is one delivery that was sent and is not answered yet.
type flight struct {
	delivery       *journal.Delivery
	sent, deadline time.Time
	index          int // in flights.heap
}

// flights is what is in flight: found by id, ordered by deadline. The heap is kept here rather than one timer per delivery; as
// nearly all deliveries of a plugin have the same timeout, it is nearly sorted and a push costs one comparison.
type flights struct {
	byID map[string]*flight
	heap []*flight
	free []*flight
}

func newFlights() flights { return flights{byID: make(map[string]*flight)} }

func (f *flights) len() int { return len(f.heap) }

// earliest is the next deadline.
func (f *flights) earliest() (deadline time.Time, ok bool) {
	if len(f.heap) == 0 {
		return time.Time{}, false
	}
	return f.heap[0].deadline, true
}

// add notes that d was sent at now.
func (f *flights) add(d *journal.Delivery, now time.Time) (deadline time.Time) {
	var x *flight
	if n := len(f.free); n > 0 {
		x, f.free = f.free[n-1], f.free[:n-1]
	} else {
		x = new(flight)
	}
	*x = flight{delivery: d, sent: now, deadline: now.Add(patience(d.Policy)), index: len(f.heap)}
	f.byID[d.ID] = x
	f.heap = append(f.heap, x)
	f.up(x.index)
	return x.deadline
}

// take removes the delivery with the id; ok is false when it is not in flight.
func (f *flights) take(id string) (x flight, ok bool) {
	found, ok := f.byID[id]
	if !ok {
		return flight{}, false
	}
	return f.remove(found), true
}

// overdue removes one delivery whose deadline has come, if there is one.
func (f *flights) overdue(now time.Time) (x flight, ok bool) {
	if len(f.heap) == 0 || now.Before(f.heap[0].deadline) {
		return flight{}, false
	}
	return f.remove(f.heap[0]), true
}

// takeAll removes everything, earliest deadline first.
func (f *flights) takeAll() []flight {
	all := make([]flight, 0, len(f.heap))
	for len(f.heap) > 0 {
		all = append(all, f.remove(f.heap[0]))
	}
	return all
}

func (f *flights) remove(x *flight) flight {
	taken := *x
	delete(f.byID, x.delivery.ID)
	last := len(f.heap) - 1
	i := x.index
	f.swap(i, last)
	f.heap[last] = nil
	f.heap = f.heap[:last]
	if i < last {
		f.down(i)
		f.up(i)
	}
	*x = flight{}
	f.free = append(f.free, x)
	return taken
}

func (f *flights) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !f.less(i, parent) {
			return
		}
		f.swap(i, parent)
		i = parent
	}
}

func (f *flights) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(f.heap); child++ {
			if f.less(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		f.swap(i, least)
		i = least
	}
}

func (f *flights) less(i, j int) bool { return f.heap[i].deadline.Before(f.heap[j].deadline) }

func (f *flights) swap(i, j int) {
	f.heap[i], f.heap[j] = f.heap[j], f.heap[i]
	f.heap[i].index, f.heap[j].index = i, j
}
