// Package journaltest is the suite that every engine of the journal passes. It states the promises of the interface in code.
//
// Run runs everything in bubbles of testing/synctest, so that hours pass at once and times are checked to the nanosecond. The
// engine must then use package time and wait on channels only: a goroutine that waits for a socket stops the clock of its bubble.
// RunInRealTime runs the promises that do not depend on long waits, without bubbles, for engines that talk to a server.
package journaltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/journal"
)

// Options are the options that the suite sets; zero means the engine's default.
type Options struct {
	MaxBytes                int64
	Retention, DedupeWindow time.Duration
}

// Open opens the engine's journal in dir, which exists. Opening the same dir after Close opens the same journal.
type Open func(tb testing.TB, dir string, o Options) journal.Store

// promises hold whatever the clock does.
var promises = map[string]func(*bench){
	"SurvivesReopen":         survivesReopen,
	"DuplicateKeys":          duplicateKeys,
	"DuplicatesAtOnce":       duplicatesAtOnce,
	"ManyKeys":               manyKeys,
	"ClaimWaits":             claimWaits,
	"ClaimInOrder":           claimInOrder,
	"ClaimEndsWithContext":   claimEndsWithContext,
	"ClaimIsNotDurable":      claimIsNotDurable,
	"ReleaseIsNoAttempt":     releaseIsNoAttempt,
	"OrderKey":               orderKey,
	"OrderKeySurvivesReopen": orderKeySurvivesReopen,
	"OrderKeyRedrive":        orderKeyRedrive,
	"SettleUnknown":          settleUnknown,
	"DeadLetters":            deadLetters,
	"Redrive":                redrive,
	"RedriveTogether":        redriveTogether,
	"Drop":                   drop,
	"Replay":                 replay,
	"Generation":             generation,
	"LongHistory":            longHistory,
	"States":                 states,
	"FindEvent":              findEvent,
	"FindEventOfAnySource":   findEventOfAnySource,
	"Pages":                  pages,
	"Lists":                  lists,
	"NoSuchState":            noSuchState,
	"Full":                   full,
	"FullIsAtomic":           fullIsAtomic,
	"FullAtOnce":             fullAtOnce,
	"Memory":                 memory,
	"Closed":                 closed,
	"CloseEndsClaims":        closeEndsClaims,
	"Load":                   load,
}

// timing has the tests that wait for minutes to days, or compare times exactly.
var timing = map[string]func(*bench){
	"DuplicateWindow":     duplicateWindow,
	"RetryIsExact":        retryIsExact,
	"RetrySurvivesReopen": retrySurvivesReopen,
	"RetriesDoNotStarve":  retriesDoNotStarve,
	"Timeline":            timeline,
	"FindOldEvent":        findOldEvent,
	"SettledMakesRoom":    settledMakesRoom,
	"Retention":           retention,
	"NumbersAreNotReused": numbersAreNotReused,
}

// Run runs the whole suite in bubbles.
func Run(t *testing.T, open Open) {
	for _, tests := range []map[string]func(*bench){promises, timing} {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) {
					run(&bench{T: t, open: open, dir: dir, soon: time.Millisecond, moment: time.Minute, many: 1200}, test)
				})
			})
		}
	}
	t.Run("Model", func(t *testing.T) { model(t, open) })
}

// RunInRealTime runs the promises without bubbles.
func RunInRealTime(t *testing.T, open Open) {
	for name, test := range promises {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(&bench{T: t, open: open, dir: t.TempDir(), soon: 200 * time.Millisecond, moment: 2 * time.Second, many: 240}, test)
		})
	}
}

func run(b *bench, test func(*bench)) {
	defer b.close()
	test(b)
}

// bench is one test's journal.
type bench struct {
	*testing.T
	open Open
	dir  string
	o    Options
	j    journal.Store
	// soon is how long a claim may take to return a delivery that is due. moment is a longer time, in which nothing may happen.
	soon, moment time.Duration
	// many is how many events the load test appends.
	many int
}

// start opens the journal, or reopens it.
func (b *bench) start() journal.Store {
	b.Helper()
	b.close()
	b.j = b.open(b, b.dir, b.o)
	return b.j
}

func (b *bench) close() {
	b.Helper()
	if b.j == nil {
		return
	}
	if err := b.j.Close(); err != nil {
		b.Errorf("Close: %v", err)
	}
	b.j = nil
}

func (b *bench) append(entries ...journal.Entry) []journal.Appended {
	b.Helper()
	a, err := b.j.Append(b.Context(), journal.Disk, entries)
	if err != nil {
		b.Fatalf("Append: %v", err)
	}
	if len(a) != len(entries) {
		b.Fatalf("Append of %d entries returns %d", len(entries), len(a))
	}
	return a
}

// claim claims what is due now and fails if nothing is.
func (b *bench) claim(plugin string, max int) []journal.Delivery {
	b.Helper()
	ds, err := b.tryClaim(plugin, max)
	if err != nil {
		b.Fatalf("Claim: %v", err)
	}
	return ds
}

// claimAll claims everything that is due now.
func (b *bench) claimAll(plugin string) (all []journal.Delivery) {
	b.Helper()
	for {
		ds, err := b.tryClaim(plugin, 100)
		if errors.Is(err, context.DeadlineExceeded) {
			return all
		}
		if err != nil {
			b.Fatalf("Claim: %v", err)
		}
		all = append(all, ds...)
	}
}

// claimNone fails if something is due now.
func (b *bench) claimNone(plugin string) {
	b.Helper()
	if ds, err := b.tryClaim(plugin, 10); err == nil {
		b.Fatalf("Claim returns %v, want nothing due", seqs(ds))
	} else if !errors.Is(err, context.DeadlineExceeded) {
		b.Fatalf("Claim: %v", err)
	}
}

func (b *bench) tryClaim(plugin string, max int) ([]journal.Delivery, error) {
	ctx, cancel := context.WithTimeout(b.Context(), b.soon)
	defer cancel()
	return b.j.Claim(ctx, plugin, max)
}

func (b *bench) settle(results ...journal.Settlement) {
	b.Helper()
	if err := b.j.Settle(b.Context(), results); err != nil {
		b.Fatalf("Settle: %v", err)
	}
}

func (b *bench) stats() journal.Stats {
	b.Helper()
	st, err := b.j.Stats(b.Context())
	if err != nil {
		b.Fatalf("Stats: %v", err)
	}
	return st
}

func (b *bench) event(seq int64) *journal.EventRecord {
	b.Helper()
	e, err := b.j.Event(b.Context(), seq)
	if err != nil {
		b.Fatalf("Event(%d): %v", seq, err)
	}
	return e
}

// events lists the events that the query selects, newest first.
func (b *bench) events(q journal.EventQuery) []journal.EventRecord {
	b.Helper()
	all, err := allEvents(b.Context(), b.j, q)
	if err != nil {
		b.Fatal(err)
	}
	return all
}

// deliveries lists the deliveries that the query selects, newest first.
func (b *bench) deliveries(q journal.DeliveryQuery) []journal.DeliveryRecord {
	b.Helper()
	all, err := allDeliveries(b.Context(), b.j, q)
	if err != nil {
		b.Fatal(err)
	}
	return all
}

func (b *bench) equal(what string, got, want any) {
	b.Helper()
	if d := cmp.Diff(want, got); d != "" {
		b.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

func (b *bench) isErr(what string, got, want error) {
	b.Helper()
	if !errors.Is(got, want) {
		b.Fatalf("%s: error is %v, want %v", what, got, want)
	}
}

var policy = journal.Policy{MaxAttempts: 5, MaxAge: 24 * time.Hour, MinBackoff: time.Second, MaxBackoff: 5 * time.Minute, Timeout: 30 * time.Second}

// entry returns an event with one delivery for each of the plugins.
func entry(id string, plugins ...string) journal.Entry {
	e := journal.Entry{
		Source: "lab", ID: id, Type: "test", Subject: "s", Received: time.Now(),
		Envelope: []byte("envelope of " + id), Keys: []journal.Key{{Value: id}},
	}
	for _, p := range plugins {
		e.Deliveries = append(e.Deliveries, delivery(p, ""))
	}
	return e
}

func delivery(plugin, order string) journal.NewDelivery {
	args, err := json.Marshal(map[string]string{"to": plugin})
	if err != nil {
		panic(err)
	}
	return journal.NewDelivery{Rule: "r", Plugin: plugin, Arguments: args, OrderKey: order, Policy: policy}
}

// ordered returns an event with one delivery to "ops" with an order key.
func ordered(id, key string) journal.Entry {
	e := entry(id)
	e.Deliveries = []journal.NewDelivery{delivery("ops", key)}
	return e
}

// numbered returns n events with one delivery to the plugin each.
func numbered(from, n int, plugin string) []journal.Entry {
	all := make([]journal.Entry, n)
	for i := range all {
		all[i] = entry(fmt.Sprintf("e%d", from+i), plugin)
	}
	return all
}

func done(d journal.Delivery) journal.Settlement {
	return journal.Settlement{Seq: d.Seq, Outcome: journal.Done}
}

func retryIn(d journal.Delivery, after time.Duration) journal.Settlement {
	return journal.Settlement{Seq: d.Seq, Outcome: journal.Retry, At: time.Now().Add(after), Error: "try again"}
}

func dead(d journal.Delivery, reason string) journal.Settlement {
	return journal.Settlement{Seq: d.Seq, Outcome: journal.Dead, Reason: reason, Error: "it is over"}
}

func release(d journal.Delivery) journal.Settlement {
	return journal.Settlement{Seq: d.Seq, Outcome: journal.Release}
}

// soonAfter tolerates an engine that waits a moment to share a commit.
func soonAfter(got, want time.Time) bool { return !got.Before(want) && got.Sub(want) < time.Second }

func seqs(ds []journal.Delivery) []int64 {
	var s []int64
	for _, d := range ds {
		s = append(s, d.Seq)
	}
	return s
}

func eventIDs(ds []journal.Delivery) []string {
	var s []string
	for _, d := range ds {
		s = append(s, d.EventID)
	}
	return s
}
