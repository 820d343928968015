package main

import (
	"container/list"
	"sync"
	"time"
)

const (
	// maxFresh limits the remembered keys. Only a backlog with more keys that all repeat would profit from more.
	maxFresh = 8192
	// margin is how much older than the copy an event must be, because the clocks of two processes are compared.
	margin = 100 * time.Millisecond
	// maxStep is how far the wall clock may move against the monotonic one. Beyond that, times of two processes cannot be
	// compared.
	maxStep = 50 * time.Millisecond
)

// fresh remembers when keys were mirrored, so that a backlog of events of one key costs one copy: an event that came before the
// copy began needs no copy of its own.
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

// covers reports whether key was mirrored after an event of it was received.
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

// elapsed returns the time since then by both clocks.
func elapsed(then time.Time) (wall, monotonic time.Duration) {
	now := time.Now()
	return now.Round(0).Sub(then.Round(0)), now.Sub(then)
}

// remember stores that key is mirrored as of a time, which needs a monotonic reading. It ignores a zero time.
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
