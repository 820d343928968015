package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// digests combines the deliveries of one key into one message. They are settled together when that message is: all done with the
// same receipt, or all retried.
//
// The first delivery of a digest leads it: it waits for the end of the window and sends. The others wait for its result.
type digests struct {
	send func(ctx context.Context, m *message, p *place) (receipt string, err error)
	lead time.Duration // how long before a deadline a digest is sent

	mu       sync.Mutex
	open     map[digestKey]*digest
	held     int // deliveries in open digests
	draining bool
}

// digestKey identifies a digest: deliveries to different channels or threads are never combined.
type digestKey struct{ channel, thread, key string }

// entry is one delivery in a digest.
type entry struct {
	message *message
	place   *place
	ctx     context.Context // of the delivery
}

// digest is guarded by digests.mu while it is open; afterwards only its leader writes it.
type digest struct {
	key     digestKey
	first   int
	due     time.Time
	entries []*entry
	changed chan struct{} // signals that due is earlier now

	done    chan struct{} // closed when receipt and err are set
	receipt string
	err     error
}

func newDigests(send func(context.Context, *message, *place) (string, error), lead time.Duration) *digests {
	return &digests{send: send, lead: lead, open: map[digestKey]*digest{}}
}

var errAbandoned = errors.New("the digest was not sent")

// deliver adds e to the digest of its key and returns the digest's result.
func (ds *digests) deliver(ctx context.Context, key string, arg *digestArgument, e *entry) (receipt string, err error) {
	e.ctx = ctx
	g, leads := ds.join(digestKey{e.message.Channel, e.message.ThreadTS, key}, arg, e)
	if leads {
		ds.run(ctx, g)
		return g.receipt, g.err
	}
	select {
	case <-g.done:
		return g.receipt, g.err
	case <-ctx.Done():
		ds.quit(g, e)
		return "", ctx.Err()
	}
}

// join adds e to an open digest, or opens one that e leads.
func (ds *digests) join(key digestKey, arg *digestArgument, e *entry) (g *digest, leads bool) {
	now := time.Now()
	ds.mu.Lock()
	defer ds.mu.Unlock()
	g = ds.open[key]
	if leads = g == nil; leads {
		g = &digest{key: key, first: arg.First, due: now.Add(arg.Window), changed: make(chan struct{}, 1), done: make(chan struct{})}
		ds.open[key] = g
	}
	g.entries = append(g.entries, e)
	ds.held++
	if deadline, ok := e.ctx.Deadline(); ok {
		g.hasten(deadline.Add(-min(ds.lead, deadline.Sub(now)/3)))
	}
	if ds.draining || ds.held >= maxInFlight { // no more deliveries can arrive
		ds.hastenAll(now)
	}
	return g, leads
}

// hasten makes due earlier.
func (g *digest) hasten(due time.Time) {
	if !due.Before(g.due) {
		return
	}
	g.due = due
	select {
	case g.changed <- struct{}{}:
	default:
	}
}

func (ds *digests) hastenAll(due time.Time) {
	for _, g := range ds.open {
		g.hasten(due)
	}
}

// drain sends all digests now. Later deliveries do not wait.
func (ds *digests) drain() {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	ds.draining = true
	ds.hastenAll(time.Now())
}

// run waits for the digest's time and sends it.
func (ds *digests) run(ctx context.Context, g *digest) {
	g.err = errAbandoned // replaced when the digest is sent
	defer close(g.done)
	waited := ds.wait(ctx, g)
	entries := ds.shut(g)
	if waited != nil {
		g.err = waited
		return
	}
	slices.SortFunc(entries, func(a, b *entry) int { return a.place.compare(b.place.age) })
	soonest := slices.MinFunc(entries, func(a, b *entry) int { return a.place.latest.Compare(b.place.latest) })
	p := *entries[0].place
	p.latest = soonest.place.latest
	p.again = slices.ContainsFunc(entries, func(e *entry) bool { return e.place.again })
	g.receipt, g.err = ds.send(soonest.ctx, g.message(entries), &p)
}

// wait returns when g is due or ctx ends.
func (ds *digests) wait(ctx context.Context, g *digest) error {
	for {
		ds.mu.Lock()
		due := g.due
		ds.mu.Unlock()
		timer := time.NewTimer(time.Until(due))
		select {
		case <-timer.C:
			return nil
		case <-g.changed:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// shut closes a digest and returns its entries.
func (ds *digests) shut(g *digest) []*entry {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	delete(ds.open, g.key)
	ds.held -= len(g.entries)
	return g.entries
}

// quit removes e, unless g is already closed.
func (ds *digests) quit(g *digest, e *entry) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	if ds.open[g.key] != g {
		return
	}
	if i := slices.Index(g.entries, e); i >= 0 {
		g.entries = slices.Delete(g.entries, i, i+1)
		ds.held--
	}
}

// maxSummary limits the text of one entry in a digest.
const maxSummary = 1000

// message returns the digest's message: the number of events and a list of the first. The message of a single event stays as it is.
func (g *digest) message(entries []*entry) *message {
	oldest := entries[0]
	if len(entries) == 1 {
		return oldest.message
	}
	t := &texts{escape: true}
	m := *oldest.message
	m.Attachments, m.Blocks = nil, nil
	limit := min(maxSummary, maxText/2/g.first)
	var b strings.Builder
	fmt.Fprintf(&b, "%d events (%s) %s:", len(entries), t.fit(g.key.key, maxName), between(oldest, entries[len(entries)-1]))
	for _, e := range entries[:min(len(entries), g.first)] {
		fmt.Fprintf(&b, "\n• %s", cut(e.message.summary, limit))
	}
	if more := len(entries) - g.first; more > 0 {
		fmt.Fprintf(&b, "\n…and %d more", more)
	}
	m.Text = b.String()
	return &m
}

// between returns the time span of the events.
func between(oldest, youngest *entry) string {
	clock := func(e *entry) string { return time.Unix(0, e.place.received).UTC().Format(time.TimeOnly) }
	from, to := clock(oldest), clock(youngest)
	if from == to {
		return "at " + from + " UTC"
	}
	return "from " + from + " to " + to + " UTC"
}
