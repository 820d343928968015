package main

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// pace limits messages to one per interval, with a burst after a pause.
type pace struct {
	interval time.Duration
	burst    int
}

// lane is the queue of messages to one webhook or one channel. Messages leave one at a time, that of the oldest event first, at the
// given pace. When Slack limits the rate, the lane stops for the time that Slack requests, and the refused message stays first.
//
// A message whose turn would come after its deadline is returned at once for a retry, with the time of its turn, so that such
// messages come back one by one and in order.
type lane struct {
	pace

	mu        sync.Mutex
	waiting   []*place  // oldest first
	busy      bool      // a message is being posted
	full      time.Time // when the whole burst is available again
	notBefore time.Time
	strict    bool      // Slack's limit is stricter than pace
	promised  time.Time // the last turn of the returned messages
	gathered  time.Time // when newly arrived messages are sorted; zero: there are none
	timer     *time.Timer
}

// place is one message's place in a lane.
type place struct {
	age
	latest time.Time // the last possible turn; zero: any
	again  bool      // it was returned before, and has waited
	kept   bool      // it is ahead of messages that were returned since
	turn   chan error
}

// newPlace returns the place of a delivery whose context has its deadline.
func newPlace(ctx context.Context, a age, again bool) *place {
	p := &place{age: a, again: again}
	if deadline, ok := ctx.Deadline(); ok {
		p.latest = deadline.Add(-min(reserve, time.Until(deadline)/4))
	}
	return p
}

// age orders messages by the time their events were received, and equal times by the delivery's id, which ends in a growing
// number.
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
	// gather is how long a message waits for older ones: deliveries that arrive together may overtake one another by less than
	// this.
	gather = 5 * time.Millisecond
	// reserve is the least time for one request: a turn closer to the deadline is too late.
	reserve = time.Second
)

// lateError returns a message for a retry at the time of its turn.
type lateError struct{ wait time.Duration }

func (e *lateError) Error() string {
	return "messages to this webhook or channel leave one by one, and the turn of this one comes in " +
		max(e.wait, 0).Round(time.Second).String() + ", too late for this attempt"
}

// run waits for p's turn and calls post, and again after the pause that post returns. If it returns an error, a *lateError or that
// of ctx, nothing was posted.
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

// take calls post in p's turn, and ends the turn even if post panics.
func (l *lane) take(p *place, post func() time.Duration) (pause time.Duration) {
	defer func() { l.leave(p, pause) }()
	return post()
}

// join adds p to the queue.
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

// quit removes p, whether it waits or has just got its turn.
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

// leave ends p's turn. After a refusal p waits for another turn.
func (l *lane) leave(p *place, pause time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.busy = false
	if l.strict { // count from the answer, when Slack has certainly counted the message
		l.notBefore = later(l.notBefore, now.Add(l.interval))
	}
	if pause > 0 {
		l.notBefore = later(l.notBefore, now.Add(pause))
		l.full = l.notBefore.Add(time.Duration(l.burst-1) * l.interval) // one message then, and no burst
		l.strict = true
		p.again = true
		l.insert(p)
	}
	if l.gathered.IsZero() { // otherwise prune runs once they are sorted
		l.prune(now) // the turn may have taken long
	}
	l.step(now)
}

// ready returns when the next message may leave.
func (l *lane) ready() time.Time { return later(l.notBefore, l.after(l.full)) }

// after returns when one message fits into a burst that is complete again at full.
func (l *lane) after(full time.Time) time.Time {
	return full.Add(-time.Duration(l.burst-1) * l.interval)
}

// step does everything that is possible now and sets the timer for the rest. The caller holds mu.
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

// grant gives the first message its turn.
func (l *lane) grant(now time.Time) {
	if now.After(l.full) { // idle for as long as a whole burst: Slack's count is empty too
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

// prune returns messages whose turn would come too late, and those behind a returned one.
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

// idle reports whether the lane can be forgotten: nothing waits, and no limit is in force.
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
