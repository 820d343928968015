package main

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// pace is how fast messages may leave: one each interval, and burst at once after a pause.
type pace struct {
	interval time.Duration
	burst    int
}

// lane is the line of messages to one webhook or one channel. They leave one at a time, that of the oldest event first, as
// the pace allows. A refusal for being too fast stops the lane for as long as Slack says, and the refused message stays at
// its head.
//
// A message that would not have its turn before its deadline is sent back at once, with the time when its turn will be, so
// that all of them come back one after the other and in their order.
type lane struct {
	pace

	mu        sync.Mutex
	waiting   []*place  // oldest first
	busy      bool      // a message is under way
	full      time.Time // when the whole burst is available again
	notBefore time.Time
	strict    bool      // the server counts more strictly than we do
	promised  time.Time // the last turn of those that were sent back
	gathered  time.Time // when those that just came are put in order; zero: there are none
	timer     *time.Timer
}

// place is one message's place in a lane.
type place struct {
	age
	latest time.Time // when its turn must be; zero: at any time
	again  bool      // it was sent back before, and has waited
	kept   bool      // it has come before those that were sent back since
	turn   chan error
}

// newPlace is that of a delivery whose context ends with its deadline.
func newPlace(ctx context.Context, a age, again bool) *place {
	p := &place{age: a, again: again}
	if deadline, ok := ctx.Deadline(); ok {
		p.latest = deadline.Add(-min(reserve, time.Until(deadline)/4))
	}
	return p
}

// age orders messages: by the time at which their events came, and those of one instant by the delivery, whose id ends with a
// number that grows.
type age struct {
	received int64
	id       string
}

func (a age) compare(b age) int {
	switch {
	case a.received != b.received:
		return cmp.Compare(a.received, b.received)
	case len(a.id) != len(b.id): // 9 comes before 10
		return cmp.Compare(len(a.id), len(b.id))
	}
	return cmp.Compare(a.id, b.id)
}

const (
	// gather is how long a message waits for older ones: deliveries that come together overtake one another on their way
	// here, within less than this.
	gather = 5 * time.Millisecond
	// reserve is the time that one request gets at least: a turn later than that before the deadline is none.
	reserve = time.Second
)

// lateError says when there will be a turn.
type lateError struct{ wait time.Duration }

func (e *lateError) Error() string {
	return "messages to this webhook or channel leave one by one, and the turn of this one comes in " +
		max(e.wait, 0).Round(time.Second).String() + ", too late for this attempt"
}

// run waits for p's turn and calls post, again if post says after which pause. Its error is a *lateError or that of ctx; then
// nothing was posted.
func (l *lane) run(ctx context.Context, p *place, post func() (pause time.Duration)) error {
	p.turn = make(chan error, 1)
	l.join(p)
	for {
		select {
		case err := <-p.turn:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			l.quit(p)
			return ctx.Err()
		}
		if l.take(p, post) == 0 {
			return nil
		}
	}
}

// take calls post in p's turn. It ends the turn even when post panics.
func (l *lane) take(p *place, post func() time.Duration) (pause time.Duration) {
	defer func() { l.leave(p, pause) }()
	return post()
}

// join puts p in line.
func (l *lane) join(p *place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.gathered.IsZero() {
		l.gathered = now.Add(gather)
	}
	l.insert(p)
	l.step(now)
}

func (l *lane) insert(p *place) {
	i, _ := slices.BinarySearchFunc(l.waiting, p, func(a, b *place) int { return a.compare(b.age) })
	l.waiting = slices.Insert(l.waiting, i, p)
}

// quit takes p out, whether it waits or just got its turn.
func (l *lane) quit(p *place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.waiting, p); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		return
	}
	if err := <-p.turn; err == nil {
		l.busy = false
		l.step(time.Now())
	}
}

// leave ends p's turn; after a refusal p waits for another.
func (l *lane) leave(p *place, pause time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.busy = false
	if l.strict { // counted from here, when the server has counted for sure
		l.notBefore = later(l.notBefore, now.Add(l.interval))
	}
	if pause > 0 {
		l.notBefore = later(l.notBefore, now.Add(pause))
		l.full = l.notBefore.Add(time.Duration(l.burst-1) * l.interval) // one message then, and no burst
		l.strict = true
		p.again = true
		l.insert(p)
	}
	if l.gathered.IsZero() { // otherwise it is done when they are in order
		l.prune(now) // the turn may have taken long
	}
	l.step(now)
}

// ready is when the next message may leave.
func (l *lane) ready() time.Time { return later(l.notBefore, l.after(l.full)) }

// after is when there is room for one message in a burst that is whole again at full.
func (l *lane) after(full time.Time) time.Time {
	return full.Add(-time.Duration(l.burst-1) * l.interval)
}

// step does what can be done now, and sets the timer for what comes next. It and what it calls need mu.
func (l *lane) step(now time.Time) {
	if !l.gathered.IsZero() {
		if wait := l.gathered.Sub(now); wait > 0 {
			l.wake(wait)
			return
		}
		l.gathered = time.Time{}
		l.prune(now)
	}
	if l.busy || len(l.waiting) == 0 {
		return
	}
	if wait := l.ready().Sub(now); wait > 0 {
		l.wake(wait)
		return
	}
	l.grant(now)
}

// grant gives the first in line its turn.
func (l *lane) grant(now time.Time) {
	if now.After(l.full) { // an idle time as long as the whole burst: the server has forgotten too
		l.strict = false
	}
	first := l.waiting[0]
	l.waiting = slices.Delete(l.waiting, 0, 1)
	l.busy = true
	l.full = later(l.full, now).Add(l.interval)
	first.turn <- nil
}

func (l *lane) wake(wait time.Duration) {
	if l.timer != nil {
		l.timer.Reset(wait)
		return
	}
	l.timer = time.AfterFunc(wait, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.step(time.Now())
	})
}

// prune sends back whoever would have its turn too late, and who came after one that was sent back.
func (l *lane) prune(now time.Time) {
	kept, full := l.waiting[:0], l.full
	for _, p := range l.waiting {
		at := later(later(now, l.notBefore), l.after(full))
		if behind := !p.again && !p.kept && l.promised.After(now); behind {
			l.sendBack(p, l.promised.Add(l.interval), now)
			continue
		}
		full = later(full, at).Add(l.interval)
		if !p.latest.IsZero() && at.After(p.latest) {
			l.sendBack(p, at, now)
			continue
		}
		p.kept = true
		kept = append(kept, p)
	}
	clear(l.waiting[len(kept):])
	l.waiting = kept
}

func (l *lane) sendBack(p *place, at, now time.Time) {
	l.promised = later(l.promised, at)
	p.turn <- &lateError{wait: at.Sub(now)}
}

// idle says that the lane can be forgotten: nobody waits, and it has nothing to remember.
func (l *lane) idle(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting) == 0 && !l.busy && !now.Before(l.full) && !now.Before(l.notBefore) && !now.Before(l.promised)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
