package journaltest

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// drop: a dead letter that was given up is settled for good, keeps its reason, and is counted no more.
func drop(b *bench) {
	b.start()
	e := entry("a", "ops", "mail")
	e.Deliveries[1].Dead = "no arguments"
	b.append(e, entry("b", "ops"))
	ds := b.claimAll("ops")
	b.settle(dead(ds[0], journal.ReasonExhausted), dead(ds[1], journal.ReasonRejected))
	time.Sleep(b.moment)
	dropped := time.Now()
	first, born, second := ds[0].Seq, ds[0].Seq+1, ds[1].Seq
	for i, want := range []int{2, 0} { // the second delivery of a pair is left out
		n, err := b.j.Drop(b.Context(), []int64{first, born, first, 4711})
		if n != want || err != nil {
			b.Fatalf("Drop %d: %d, %v; want %d", i, n, err, want)
		}
	}
	n, err := b.j.Redrive(b.Context(), []int64{first, born})
	b.equal("redriven", []any{n, err}, []any{0, error(nil)})
	for range 2 {
		st := b.stats()
		b.equal("dead", []int64{st.Plugins["ops"].Dead, st.Plugins["mail"].Dead, st.Plugins["ops"].Pending}, []int64{1, 0, 0})
		b.equal("oldest", []bool{st.Plugins["ops"].OldestDead.IsZero(), st.Plugins["mail"].OldestDead.IsZero()}, []bool{false, true})
		a := b.event(1)
		b.equal("event", []journal.State{a.State, b.event(2).State}, []journal.State{journal.StateDone, journal.StateDead})
		for i, want := range [][]any{
			{journal.StateDropped, journal.ReasonExhausted, "it is over", 1},
			{journal.StateDropped, journal.ReasonRuleError, "no arguments", 0},
		} {
			d := a.Deliveries[i]
			b.equal("delivery", []any{d.State, d.Reason, d.Error, d.Attempts}, want)
			b.equal("settled when it was dropped", soonAfter(d.Settled, dropped), true)
		}
		for state, want := range map[journal.State][]int64{journal.StateDropped: {born, first}, journal.StateDead: {second}} {
			var got []int64
			for _, d := range b.deliveries(journal.DeliveryQuery{State: state}) {
				got = append(got, d.Seq)
			}
			b.equal("list of "+string(state), got, want)
		}
		b.start()
		b.claimNone("ops")
		b.claimNone("mail")
	}
}

// replay: a repeated event has no keys, is no duplicate, and both ends know of each other. The id finds the event that was sent.
func replay(b *bench) {
	b.start()
	keyless := entry("b", "ops")
	keyless.Keys = nil
	b.append(entry("a", "ops"), keyless)
	for _, original := range []int64{1, 2, 1} {
		e := entry([]string{1: "a", 2: "b"}[original], "mail")
		e.Keys, e.ReplayOf = nil, original
		b.equal("duplicate", b.append(e)[0].Duplicate, false)
	}
	for range 2 {
		b.equal("replays", [][]int64{b.event(1).Replays, b.event(2).Replays, b.event(3).Replays}, [][]int64{{3, 5}, {4}, nil})
		b.equal("replay of", []int64{b.event(1).ReplayOf, b.event(3).ReplayOf, b.event(4).ReplayOf, b.event(5).ReplayOf}, []int64{0, 1, 2, 1})
		for id, want := range map[string]int64{"a": 1, "b": 2} {
			e, err := b.j.FindEvent(b.Context(), "lab", id)
			if err != nil {
				b.Fatal(err)
			}
			b.equal("seq of "+id, e.Seq, want)
		}
		var got []int64
		for _, e := range b.events(journal.EventQuery{}) {
			got = append(got, e.ReplayOf)
		}
		b.equal("listed", got, []int64{1, 2, 1, 0, 0})
		b.equal("the sender's is still a duplicate", b.append(entry("a", "ops"))[0], journal.Appended{Seq: 1, Duplicate: true})
		b.start()
	}
	b.equal("deliveries", eventIDs(b.claim("mail", 9)), []string{"a", "b", "a"})
}

// generation: a delivery tells which configuration made it and which of its arguments are sensitive.
func generation(b *bench) {
	b.start()
	b.equal("before any", b.stats().Generation, int64(0))
	for i, sensitive := range []string{"", "token auth.password", "token"} {
		e := entry(string(rune('a'+i)), "ops")
		e.Deliveries[0].Generation, e.Deliveries[0].Sensitive = []int64{3, 7, 7}[i], sensitive
		b.append(e)
	}
	for range 2 {
		var got []any
		for seq := range int64(3) {
			d := b.event(seq + 1).Deliveries[0]
			got = append(got, d.Generation, d.Sensitive)
		}
		b.equal("deliveries", got, []any{int64(3), "", int64(7), "token auth.password", int64(7), "token"})
		b.equal("highest", b.stats().Generation, int64(7))
		b.start()
	}
}

// redriveTogether: several operators who retry the same dead letters at the same time make each of them due once.
func redriveTogether(b *bench) {
	b.start()
	var ds []journal.Delivery
	for _, id := range []string{"a", "b", "c"} {
		b.append(entry(id, "ops"))
		ds = append(ds, b.claim("ops", 1)...)
	}
	var seqs []int64
	for i := range ds {
		seqs = append(seqs, ds[i].Seq)
	}
	for range 20 {
		for i := range ds {
			b.settle(dead(ds[i], journal.ReasonExhausted))
		}
		var callers sync.WaitGroup
		var due atomic.Int64
		for range 8 {
			callers.Go(func() {
				n, err := b.j.Redrive(b.Context(), seqs)
				if err != nil {
					b.Errorf("Redrive: %v", err)
				}
				due.Add(int64(n))
			})
		}
		callers.Wait()
		b.equal("due again", due.Load(), int64(len(ds)))
		ds = b.claim("ops", len(ds)+1)
		b.equal("claimed", eventIDs(ds), []string{"a", "b", "c"})
	}
	b.claimNone("ops")
}
