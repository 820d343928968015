package journaltest

import (
	"fmt"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// settleUnknown: what is not claimed is left out and named; the rest is stored. An outcome that does not exist stores nothing.
func settleUnknown(b *bench) {
	b.start()
	b.append(numbered(0, 2, "ops")...)
	ds := b.claimAll("ops")
	if err := b.j.Settle(b.Context(), []journal.Settlement{done(ds[0]), {Seq: ds[1].Seq, Outcome: 99}}); err == nil {
		b.Fatal("outcome 99 is no error")
	}
	err := b.j.Settle(b.Context(), []journal.Settlement{done(ds[0]), {Seq: 4711, Outcome: journal.Done}})
	b.isErr("Settle", err, journal.ErrNotFound)
	b.equal("first", b.event(1).State, journal.StateDone)
	b.isErr("Settle again", b.j.Settle(b.Context(), []journal.Settlement{dead(ds[0], "")}), journal.ErrNotFound)
	b.equal("first", b.event(1).State, journal.StateDone)
	b.equal("second", b.event(2).State, journal.StatePending)
	b.settle()
	b.start()
	b.equal("after reopen", eventIDs(b.claim("ops", 2)), []string{"e1"})
}

// deadLetters: they are kept with their reason, listed, counted, and due no more; some are born dead.
func deadLetters(b *bench) {
	b.start()
	e := entry("a", "ops", "mail")
	e.Deliveries[1].Dead = "rules.hcl:12: division by zero"
	b.append(e)
	b.claimNone("mail")
	b.settle(dead(b.claim("ops", 1)[0], journal.ReasonExhausted))
	for range 2 {
		st := b.stats()
		b.equal("dead of ops", st.Plugins["ops"].Dead, int64(1))
		b.equal("dead of mail", st.Plugins["mail"].Dead, int64(1))
		b.equal("pending of ops", st.Plugins["ops"].Pending, int64(0))
		b.equal("oldest", st.Plugins["mail"].OldestDead.UnixNano(), e.Received.UnixNano())
		var got []string
		for _, d := range b.deliveries(journal.DeliveryQuery{State: journal.StateDead}) {
			got = append(got, fmt.Sprintf("%s %s %s %d", d.Plugin, d.Reason, d.Error, d.Attempts))
		}
		b.equal("dead letters", got, []string{"mail rule_error rules.hcl:12: division by zero 0", "ops retries_exhausted it is over 1"})
		b.start()
		b.claimNone("ops")
		b.claimNone("mail")
	}
}

// redrive: a dead letter is due at once with a fresh count and age; nothing else changes.
func redrive(b *bench) {
	b.start()
	e := entry("a", "ops", "mail")
	e.Deliveries[1].Dead = "no arguments"
	b.append(e, entry("b", "ops"))
	ds := b.claimAll("ops")
	b.settle(retryIn(ds[0], 0), done(ds[1]))
	b.settle(dead(b.claim("ops", 1)[0], journal.ReasonExhausted))
	time.Sleep(b.moment)
	redriven := time.Now()
	dues := []int64{ds[0].Seq, ds[1].Seq, ds[0].Seq + 1, 4711}
	for i, want := range []int{1, 0} {
		n, err := b.j.Redrive(b.Context(), dues)
		if n != want || err != nil {
			b.Fatalf("Redrive %d: %d, %v; want %d", i, n, err, want)
		}
	}
	b.equal("pending", b.stats().Plugins["ops"].Pending, int64(1))
	b.equal("dead", b.stats().Plugins["ops"].Dead, int64(0))
	d := b.claim("ops", 10)[0]
	for range 2 {
		b.equal("id", d.ID, ds[0].ID)
		b.equal("attempt", d.Attempt, 1)
		b.equal("age counts from when it was redriven", soonAfter(d.Received, redriven), true)
		b.start()
		d = b.claim("ops", 10)[0]
	}
	b.settle(retryIn(d, 0))
	r := b.event(1).Deliveries[0]
	b.equal("attempts", r.Attempts, 3)
	b.equal("history", len(r.History), 3)
	b.equal("last number", r.History[2].Number, 3)
	b.equal("state", r.State, journal.StatePending)
}

// timeline: an event tells what became of it: receipts, failures with their times, when it is due next.
func timeline(b *bench) {
	b.start()
	b.append(entry("a", "ops", "mail"))
	start := time.Now()
	b.settle(journal.Settlement{Seq: b.claim("mail", 1)[0].Seq, Outcome: journal.Done, Receipt: "250 queued as 7F"})
	b.settle(journal.Settlement{Seq: b.claim("ops", 1)[0].Seq, Outcome: journal.Retry, At: start.Add(time.Minute), Error: "429"})
	time.Sleep(time.Minute)
	b.settle(journal.Settlement{Seq: b.claim("ops", 1)[0].Seq, Outcome: journal.Retry, At: start.Add(time.Hour), Error: "503"})
	for range 2 {
		e := b.event(1)
		b.equal("event", []any{e.Source, e.ID, e.Type, e.Subject, string(e.Envelope), e.State, e.Received.Equal(start)},
			[]any{"lab", "a", "test", "s", "envelope of a", journal.StatePending, true})
		ops, mail := e.Deliveries[0], e.Deliveries[1]
		b.equal("mail", []any{mail.State, mail.Receipt, mail.Attempts, soonAfter(mail.Settled, start), len(mail.History)},
			[]any{journal.StateDone, "250 queued as 7F", 1, true, 0})
		b.equal("ops", []any{ops.State, ops.Attempts, ops.Due.Equal(start.Add(time.Hour)), ops.Settled.IsZero(), ops.Policy},
			[]any{journal.StatePending, 2, true, true, policy})
		var history []string
		for _, a := range ops.History {
			history = append(history, fmt.Sprint(a.Number, " ", a.At.Sub(start).Round(time.Second), " ", a.Outcome == journal.Retry, " ", a.Error))
		}
		b.equal("history", history, []string{"1 0s true 429", "2 1m0s true 503"})
		one, err := b.j.Delivery(b.Context(), ops.Seq)
		if err != nil {
			b.Fatal(err)
		}
		b.equal("Delivery", *one, ops)
		b.start()
	}
}

// longHistory: history is bounded, whatever a plugin does.
func longHistory(b *bench) {
	b.start()
	b.append(entry("a", "ops"))
	for range 130 {
		b.settle(retryIn(b.claim("ops", 1)[0], 0))
	}
	r := b.event(1).Deliveries[0]
	b.equal("attempts", r.Attempts, 130)
	b.equal("kept", len(r.History), 100)
	b.equal("first and last", []int{r.History[0].Number, r.History[9].Number, r.History[10].Number, r.History[99].Number}, []int{1, 10, 41, 130})
}

// states: everything accepted is in a visible state.
func states(b *bench) {
	b.start()
	broken := entry("quarantined")
	broken.Quarantine = "line 1: not JSON"
	b.append(entry("unmatched"), broken, entry("mixed", "ops", "mail"), entry("done", "web"))
	b.settle(done(b.claim("web", 1)[0]))
	b.settle(dead(b.claim("mail", 1)[0], journal.ReasonRejected))
	want := map[string]journal.State{
		"unmatched": journal.StateUnmatched, "quarantined": journal.StateQuarantined, "mixed": journal.StatePending, "done": journal.StateDone,
	}
	check := func() {
		b.Helper()
		for id, state := range want {
			e, err := b.j.FindEvent(b.Context(), "lab", id)
			if err != nil {
				b.Fatal(err)
			}
			b.equal("state of "+id, e.State, state)
			if all := b.events(journal.EventQuery{State: state}); len(all) != 1 || all[0].ID != id {
				b.Fatalf("events that are %s: %v", state, all)
			}
		}
	}
	check()
	b.settle(done(b.claim("ops", 1)[0]))
	want["mixed"] = journal.StateDead
	check()
	e, err := b.j.FindEvent(b.Context(), "lab", "quarantined")
	if err != nil {
		b.Fatal(err)
	}
	b.equal("reason", e.Quarantine, "line 1: not JSON")
	st := b.stats()
	b.equal("counts", []int64{st.Events, st.Quarantined}, []int64{4, 1})
}

// findEvent: by source and id, the newest; whatever its keys are.
func findEvent(b *bench) {
	b.o.DedupeWindow = time.Hour
	b.start()
	keyless := entry("a", "ops")
	keyless.Keys = nil
	other := entry("b", "ops")
	other.Keys = []journal.Key{{Value: "a"}, {Value: "c"}}
	b.append(keyless, keyless, other)
	for i := 0; i < 100; i += 10 {
		b.append(numbered(i, 10, "ops")...)
	}
	for range 2 {
		for id, want := range map[string]int64{"a": 2, "b": 3, "e0": 4, "e99": 103} {
			e, err := b.j.FindEvent(b.Context(), "lab", id)
			if err != nil {
				b.Fatal(err)
			}
			b.equal("seq of "+id, e.Seq, want)
			b.equal("deliveries", len(e.Deliveries), 1)
		}
		for _, id := range []string{"c", "nobody", ""} {
			_, err := b.j.FindEvent(b.Context(), "lab", id)
			b.isErr("FindEvent "+id, err, journal.ErrNotFound)
		}
		_, err := b.j.FindEvent(b.Context(), "other", "a")
		b.isErr("FindEvent of another source", err, journal.ErrNotFound)
		b.start()
	}
	_, err := b.j.Event(b.Context(), 4711)
	b.isErr("Event", err, journal.ErrNotFound)
	_, err = b.j.Delivery(b.Context(), 4711)
	b.isErr("Delivery", err, journal.ErrNotFound)
}

// findEventOfAnySource: without a source the id finds the event if only one source has it.
func findEventOfAnySource(b *bench) {
	b.start()
	of := func(source, id string) journal.Entry {
		e := entry(id, "ops")
		e.Source = source
		return e
	}
	again := of("third", "both")
	again.Keys, again.ReplayOf = nil, 2
	b.append(of("lab", "one"), of("lab", "both"), of("field", "both"), of("third", "own"), again)
	for range 2 {
		for id, want := range map[string]int64{"one": 1, "own": 4} {
			e, err := b.j.FindEvent(b.Context(), "", id)
			if err != nil {
				b.Fatal(err)
			}
			b.equal("seq of "+id, e.Seq, want)
		}
		_, err := b.j.FindEvent(b.Context(), "", "both")
		b.isErr("FindEvent of two sources", err, journal.ErrAmbiguous)
		for _, source := range []string{"lab", "field"} {
			if !strings.Contains(err.Error(), source) {
				b.Errorf("%q does not name source %s", err, source)
			}
		}
		if strings.Contains(err.Error(), "third") {
			b.Errorf("%q names the source of a replay", err)
		}
		_, err = b.j.FindEvent(b.Context(), "", "nobody")
		b.isErr("FindEvent of no source", err, journal.ErrNotFound)
		b.start()
	}
}

// findOldEvent: an id finds its event as long as it is stored, although it is no duplicate any more.
func findOldEvent(b *bench) {
	b.o.Retention, b.o.DedupeWindow = 7*24*time.Hour, 24*time.Hour
	b.start()
	b.append(entry("a", "ops"), entry("b"))
	b.settle(done(b.claim("ops", 1)[0]))
	for day := range 6 {
		time.Sleep(24 * time.Hour)
		b.append(numbered(100*day, 30, "mail")...)
		for id, want := range map[string]int64{"a": 1, "b": 2} {
			for _, source := range []string{"", "lab"} {
				e, err := b.j.FindEvent(b.Context(), source, id)
				if err != nil {
					b.Fatal(err)
				}
				b.equal("seq of "+id, e.Seq, want)
			}
		}
		b.start()
	}
	b.equal("duplicate", b.append(entry("a"))[0].Duplicate, false)
	e, err := b.j.FindEvent(b.Context(), "", "a")
	if err != nil {
		b.Fatal(err)
	}
	b.equal("newest", e.Seq > 100, true)
	time.Sleep(3 * 24 * time.Hour)
	if _, err := b.j.Sweep(b.Context()); err != nil {
		b.Fatal(err)
	}
	_, err = b.j.FindEvent(b.Context(), "", "b")
	b.isErr("FindEvent of a deleted event", err, journal.ErrNotFound)
}

// pages: lists are newest first, in pages, and can be narrowed.
func pages(b *bench) {
	b.start()
	for i := range 25 {
		e := entry(fmt.Sprint("e", i), []string{"ops", "mail"}[i%2])
		e.Source = []string{"lab", "field"}[i%2]
		b.append(e)
	}
	var got []int64
	for _, e := range b.events(journal.EventQuery{Source: "lab", Page: journal.Page{Limit: 10}}) {
		got = append(got, e.Seq)
	}
	b.equal("events", got, []int64{25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1})
	for _, tt := range []struct {
		q    journal.DeliveryQuery
		want int
	}{
		{journal.DeliveryQuery{}, 25},
		{journal.DeliveryQuery{Plugin: "mail"}, 12},
		{journal.DeliveryQuery{Rule: "r"}, 25},
		{journal.DeliveryQuery{Rule: "none"}, 0},
		{journal.DeliveryQuery{State: journal.StatePending, Plugin: "ops", Page: journal.Page{Before: 11}}, 5},
		{journal.DeliveryQuery{State: journal.StateDone}, 0},
		{journal.DeliveryQuery{State: journal.StateDead, Plugin: "ops"}, 0},
		{journal.DeliveryQuery{Page: journal.Page{Limit: 3}}, 25},
	} {
		b.equal(fmt.Sprintf("deliveries of %+v", tt.q), len(b.deliveries(tt.q)), tt.want)
	}
}
