package journaltest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/journal"
)

// allEvents reads all pages of a list. It fails if they are not newest first or do not end.
func allEvents(ctx context.Context, j journal.Reader, q journal.EventQuery) (all []journal.EventRecord, err error) {
	most := cmp.Or(q.Limit, 100)
	for {
		page, err := j.Events(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list of %+v: %w", q, err)
		}
		all = append(all, page.Events...)
		oldest := page.Next
		if n := len(page.Events); n > 0 {
			oldest = page.Events[n-1].Seq
		}
		if len(page.Events) > most || page.Next > oldest || q.Before > 0 && oldest >= q.Before {
			return nil, fmt.Errorf("list of %+v: page with %d events, the last is %d, goes on at %d", q, len(page.Events), oldest, page.Next)
		}
		if q.Before = page.Next; q.Before == 0 {
			return all, nil
		}
	}
}

// allDeliveries is the same for deliveries.
func allDeliveries(ctx context.Context, j journal.Reader, q journal.DeliveryQuery) (all []journal.DeliveryRecord, err error) {
	most := cmp.Or(q.Limit, 100)
	for {
		page, err := j.Deliveries(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list of %+v: %w", q, err)
		}
		all = append(all, page.Deliveries...)
		oldest := page.Next
		if n := len(page.Deliveries); n > 0 {
			oldest = page.Deliveries[n-1].Seq
		}
		if len(page.Deliveries) > most || page.Next > oldest || q.Before > 0 && oldest >= q.Before {
			return nil, fmt.Errorf("list of %+v: page with %d deliveries, the last is %d, goes on at %d", q, len(page.Deliveries), oldest, page.Next)
		}
		if q.Before = page.Next; q.Before == 0 {
			return all, nil
		}
	}
}

// stored is an event as the model sees it, and owed one of its deliveries.
type stored struct {
	journal.Entry
	seq        int64
	deliveries []*owed
}

type owed struct {
	event                     *stored
	seq                       int64
	rule, plugin, key, reason string
	state                     journal.State
	attempt, total            int
	due                       time.Time
	claimed                   *journal.Delivery
}

// newStored returns what the journal stores of an entry. Its deliveries are numbered from first on.
func newStored(e journal.Entry, seq, first int64) *stored {
	s := &stored{Entry: e, seq: seq}
	for i, d := range e.Deliveries {
		o := &owed{event: s, seq: first + int64(i), rule: d.Rule, plugin: d.Plugin, key: d.OrderKey, state: journal.StatePending}
		if d.Dead != "" {
			o.state, o.reason = journal.StateDead, journal.ReasonRuleError
		}
		s.deliveries = append(s.deliveries, o)
	}
	return s
}

func (s *stored) state() journal.State {
	is := func(state journal.State) bool {
		return slices.ContainsFunc(s.deliveries, func(o *owed) bool { return o.state == state })
	}
	switch {
	case s.Quarantine != "":
		return journal.StateQuarantined
	case len(s.deliveries) == 0:
		return journal.StateUnmatched
	case is(journal.StatePending):
		return journal.StatePending
	case is(journal.StateDead):
		return journal.StateDead
	}
	return journal.StateDone
}

func (s *stored) received(span journal.Span) bool {
	return !s.Received.Before(span.Since) && (span.Until.IsZero() || s.Received.Before(span.Until))
}

// selected reports whether a list of events shows this one.
func (s *stored) selected(q journal.EventQuery) bool {
	wanted := func(o *owed) bool { return is(q.Rule, o.rule) && is(q.Plugin, o.plugin) }
	return is(q.Source, s.Source) && is(q.State, s.state()) && strings.HasPrefix(s.Type, q.TypePrefix) && s.received(q.Span) &&
		(q.Rule == "" && q.Plugin == "" || slices.ContainsFunc(s.deliveries, wanted))
}

// selected reports whether a list of deliveries shows this one.
func (o *owed) selected(q journal.DeliveryQuery) bool {
	if q.Reason != "" && (o.reason != q.Reason || q.State == "" && o.state != journal.StateDead) {
		return false
	}
	return is(q.Plugin, o.plugin) && is(q.Rule, o.rule) && is(q.Source, o.event.Source) && is(q.State, o.state) && o.event.received(q.Span)
}

// is reports whether a field of a query selects the value.
func is[T ~string](want, value T) bool { return want == "" || want == value }

// chooser returns a random number from 0 to n-1.
type chooser func(what string, n int) int

func choose[T any](c chooser, what string, from ...T) T { return from[c(what, len(from))] }

// randomSpan returns a span around the times between from and to.
func randomSpan(c chooser, from, to time.Time) (s journal.Span) {
	at := func() time.Time {
		return from.Add(time.Duration(c("time", int(to.Sub(from)/time.Second)+3)-1) * time.Second)
	}
	if c("since", 4) == 0 {
		s.Since = at()
	}
	if c("until", 4) == 0 {
		s.Until = at()
	}
	return s
}

// Values of the random events, and one that no event has.
var (
	sources = []string{"lab", "field", "rare"}
	rules   = []string{"r", "s", "rare"}
	types   = []string{"a.b", "a.c", "b"}
	reasons = []string{journal.ReasonRejected, journal.ReasonExhausted, journal.ReasonExpired}
)

func query[T ~string](c chooser, what string, from []T) T {
	if c("by "+what, 3) > 0 {
		return ""
	}
	return choose(c, what, append(slices.Clone(from), "none")...)
}

func randomEventQuery(c chooser, from, to time.Time) journal.EventQuery {
	q := journal.EventQuery{
		Source: query(c, "source", sources), Rule: query(c, "rule", rules), Plugin: query(c, "plugin", modelPlugins),
		TypePrefix: query(c, "type", []string{"a.", "a.b", "b"}), Span: randomSpan(c, from, to), Page: journal.Page{Limit: choose(c, "limit", 0, 1, 3, 1000)},
	}
	if c("by state", 2) == 0 {
		q.State = choose(c, "state", journal.StatePending, journal.StateDone, journal.StateDead, journal.StateUnmatched, journal.StateQuarantined)
	}
	return q
}

func randomDeliveryQuery(c chooser, from, to time.Time) journal.DeliveryQuery {
	q := journal.DeliveryQuery{
		Source: query(c, "source", sources), Rule: query(c, "rule", rules), Plugin: query(c, "plugin", modelPlugins),
		Reason: query(c, "reason", reasons), Span: randomSpan(c, from, to), Page: journal.Page{Limit: choose(c, "limit", 0, 1, 3, 1000)},
	}
	if c("by state", 2) == 0 {
		q.State = choose(c, "state", journal.StatePending, journal.StateDone, journal.StateDead, journal.StateDropped)
	}
	return q
}

// compareEvents compares a list of events with the model, whose events are in order.
func compareEvents(ctx context.Context, j journal.Reader, all []*stored, q journal.EventQuery) error {
	got, err := allEvents(ctx, j, q)
	if err != nil {
		return err
	}
	var have, want []string
	for _, e := range got {
		have = append(have, fmt.Sprint(e.Seq, " ", e.State))
	}
	for _, s := range slices.Backward(all) {
		if s.selected(q) {
			want = append(want, fmt.Sprint(s.seq, " ", s.state()))
		}
	}
	if d := gocmp.Diff(want, have); d != "" {
		return fmt.Errorf("events of %+v (-want +got):\n%s", q, d)
	}
	return nil
}

// compareDeliveries does the same for deliveries.
func compareDeliveries(ctx context.Context, j journal.Reader, all []*stored, q journal.DeliveryQuery) error {
	got, err := allDeliveries(ctx, j, q)
	if err != nil {
		return err
	}
	var have, want []string
	for _, d := range got {
		have = append(have, fmt.Sprint(d.Seq, " ", d.State, " ", d.Reason))
	}
	for _, s := range slices.Backward(all) {
		for _, o := range slices.Backward(s.deliveries) {
			if o.selected(q) {
				want = append(want, fmt.Sprint(o.seq, " ", o.state, " ", o.reason))
			}
		}
	}
	if d := gocmp.Diff(want, have); d != "" {
		return fmt.Errorf("deliveries of %+v (-want +got):\n%s", q, d)
	}
	return nil
}

// randomEntry returns an event of which most things are random. Some values are rare.
func randomEntry(c chooser, id string) journal.Entry {
	e := entry(id)
	e.Source, e.Type = choose(c, "source", "lab", "lab", "field", "field", "rare"), choose(c, "type", types...)
	e.Received = e.Received.Add(-time.Duration(c("delay", 59)) * time.Second)
	if c("quarantine", 20) == 0 {
		e.Quarantine = "broken"
		return e
	}
	for range c("deliveries", 4) {
		d := delivery(choose(c, "plugin", modelPlugins...), choose(c, "order key", "", "", "x", "y"))
		d.Rule, d.Generation = choose(c, "rule", "r", "r", "s", "s", "rare"), int64(c("generation", 3))
		if c("dead", 10) == 0 {
			d.Dead = "born dead"
		}
		e.Deliveries = append(e.Deliveries, d)
	}
	return e
}

// lists: whatever a list is narrowed by, it shows what it should, among many events.
func lists(b *bench) {
	b.start()
	r := rand.New(rand.NewPCG(1, 2))
	c := func(_ string, n int) int { return r.IntN(n) }
	start, last := time.Now(), int64(0)
	var all []*stored
	byDelivery := make(map[int64]*owed)
	for len(all) < 2*b.many {
		var entries []journal.Entry
		for range 60 {
			e := randomEntry(c, fmt.Sprint("e", len(all)))
			e.Received = e.Received.Add(time.Duration(len(all)) * time.Second)
			entries = append(entries, e)
			s := newStored(e, int64(len(all)+1), last+1)
			last += int64(len(s.deliveries))
			all = append(all, s)
			for _, o := range s.deliveries {
				byDelivery[o.seq] = o
			}
		}
		b.append(entries...)
	}
	for _, plugin := range modelPlugins {
		for range 4 { // not all, because of the order keys
			b.settleAtRandom(c, plugin, byDelivery)
		}
	}
	b.dropAtRandom(c, byDelivery)
	end := start.Add(time.Duration(len(all)) * time.Second)
	for i := range 24 {
		if err := compareEvents(b.Context(), b.j, all, randomEventQuery(c, start, end)); err != nil {
			b.Fatal(err)
		}
		if err := compareDeliveries(b.Context(), b.j, all, randomDeliveryQuery(c, start, end)); err != nil {
			b.Fatal(err)
		}
		if i == 12 {
			b.start()
		}
	}
}

// settleAtRandom settles most of what is due.
func (b *bench) settleAtRandom(c chooser, plugin string, all map[int64]*owed) {
	b.Helper()
	var results []journal.Settlement
	for _, d := range b.claimAll(plugin) {
		o := all[d.Seq]
		switch c("outcome", 8) {
		case 0:
			results = append(results, release(d))
		case 1:
			results = append(results, retryIn(d, time.Hour))
		case 2:
			o.state, o.reason = journal.StateDead, choose(c, "reason", reasons...)
			results = append(results, dead(d, o.reason))
		default:
			o.state = journal.StateDone
			results = append(results, done(d))
		}
	}
	b.settle(results...)
}

// dropAtRandom drops some of the dead letters.
func (b *bench) dropAtRandom(c chooser, all map[int64]*owed) {
	b.Helper()
	var seqs []int64
	for seq, o := range all {
		if o.state == journal.StateDead && c("drop", 3) == 0 {
			o.state = journal.StateDropped
			seqs = append(seqs, seq)
		}
	}
	if n, err := b.j.Drop(b.Context(), seqs); n != len(seqs) || err != nil {
		b.Fatalf("Drop of %d: %d, %v", len(seqs), n, err)
	}
}

// noSuchState: a list of what cannot be is an error.
func noSuchState(b *bench) {
	b.start()
	for _, s := range []journal.State{journal.StateDropped, "lost"} {
		if _, err := b.j.Events(b.Context(), journal.EventQuery{State: s}); err == nil {
			b.Errorf("a list of %s events is no error", s)
		}
	}
	for _, s := range []journal.State{journal.StateUnmatched, journal.StateQuarantined, "lost"} {
		if _, err := b.j.Deliveries(b.Context(), journal.DeliveryQuery{State: s}); err == nil {
			b.Errorf("a list of %s deliveries is no error", s)
		}
	}
}
