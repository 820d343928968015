package main

import (
	"container/list"
	"sync"
	"time"
)

const (
	// maxFresh keys are remembered. More would only matter to a backlog of more keys that all come again.
	maxFresh = 8192
	// margin is how much older than the copy an event must be: its time was taken by another process.
	margin = 100 * time.Millisecond
	// maxStep is how much the wall clock may move against the monotonic one before times of two processes cannot be
	// compared any more.
	maxStep = 50 * time.Millisecond
)

// fresh remembers since when keys are mirrored. A backlog of events of one key then costs one copy: events are hints to
// look, and whoever has looked after an event came needs no second look for it.
type fresh struct {
	elapsed func(then time.Time) (wall, monotonic time.Duration)

	mu    sync.Mutex
	byKey map[string]*list.Element
	order *list.List // of freshKey, latest first
}

type freshKey struct {
	key  string
	asOf time.Time
}

func newFresh() *fresh {
	return &fresh{elapsed: elapsed, byKey: map[string]*list.Element{}, order: list.New()}
}

// covers says whether key was mirrored after an event of it came.
func (f *fresh) covers(key string, received time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.byKey[key]
	if e == nil {
		return false
	}
	asOf := e.Value.(*freshKey).asOf
	wall, monotonic := f.elapsed(asOf)
	return asOf.Round(0).Sub(received) >= margin && (wall-monotonic).Abs() <= maxStep
}

// elapsed is the time since then by both clocks.
func elapsed(then time.Time) (wall, monotonic time.Duration) {
	now := time.Now()
	return now.Round(0).Sub(then.Round(0)), now.Sub(then)
}

// remember that key is mirrored as of a time, which has a monotonic reading. Nothing is remembered of a zero time.
func (f *fresh) remember(key string, asOf time.Time) {
	if asOf.IsZero() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.byKey[key]; e != nil {
		e.Value.(*freshKey).asOf = asOf
		f.order.MoveToFront(e)
		return
	}
	f.byKey[key] = f.order.PushFront(&freshKey{key: key, asOf: asOf})
	if f.order.Len() > maxFresh {
		delete(f.byKey, f.order.Remove(f.order.Back()).(*freshKey).key)
	}
}
