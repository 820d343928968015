package admin

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// maxTails is how many tails a Feed has at the same time.
	maxTails = 50
	// feedBuffer is how many changes wait for a slow tail. Further changes are dropped and counted.
	feedBuffer = 1024
)

var errTooManyTails = errors.New("too many tails at the same time: end another one first")

// Feed passes changes of the journal to tails. Publishing never waits for a tail, and costs one atomic load while there is none.
type Feed struct {
	mu sync.Mutex // held to change tails
	// tails is nil while there is none; the slice is never changed.
	tails atomic.Pointer[[]*tail]
}

// tail is a subscriber of a Feed.
type tail struct {
	changes chan change
	// leftOut counts the changes that found no room.
	leftOut atomic.Int64
}

// change is something that happened: an event was stored, or an attempt of a delivery was settled.
type change struct{ event, delivery int64 }

// NewFeed returns a feed without tails.
func NewFeed() *Feed { return new(Feed) }

// Active reports whether there is a tail, so that callers can skip the work of publishing.
func (f *Feed) Active() bool { return f.tails.Load() != nil }

// EventStored publishes that the event with this number is in the journal.
func (f *Feed) EventStored(seq int64) { f.publish(change{event: seq}) }

// DeliverySettled publishes that an attempt of the delivery with this number was settled.
func (f *Feed) DeliverySettled(seq int64) { f.publish(change{delivery: seq}) }

func (f *Feed) publish(c change) {
	tails := f.tails.Load()
	if tails == nil {
		return
	}
	for _, t := range *tails {
		select {
		case t.changes <- c:
		default:
			t.leftOut.Add(1)
		}
	}
}

// listen adds a tail, which the caller must leave.
func (f *Feed) listen() (*tail, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	tails := f.list()
	if len(tails) == maxTails {
		return nil, errTooManyTails
	}
	t := &tail{changes: make(chan change, feedBuffer)}
	f.store(append(slices.Clone(tails), t))
	return t, nil
}

func (f *Feed) leave(t *tail) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.store(slices.DeleteFunc(slices.Clone(f.list()), func(other *tail) bool { return other == t }))
}

func (f *Feed) list() []*tail {
	if tails := f.tails.Load(); tails != nil {
		return *tails
	}
	return nil
}

func (f *Feed) store(tails []*tail) {
	if len(tails) == 0 {
		f.tails.Store(nil)
		return
	}
	f.tails.Store(&tails)
}
