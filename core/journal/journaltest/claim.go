package journaltest

import (
	"context"
	"fmt"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// claimWaits: a claim that waits returns as soon as something was appended, and only for its plugin.
func claimWaits(b *bench) {
	b.start()
	got := make(chan []journal.Delivery)
	go func() {
		ds, err := b.j.Claim(b.Context(), "ops", 10)
		if err != nil {
			b.Error(err)
		}
		got <- ds
	}()
	time.Sleep(b.moment)
	b.append(entry("other", "mail"))
	select {
	case ds := <-got:
		b.Fatalf("claimed %v of another plugin", eventIDs(ds))
	case <-time.After(b.moment):
	}
	b.append(entry("mine", "ops"))
	b.equal("claimed", eventIDs(<-got), []string{"mine"})
}

// claimInOrder: up to max, in order of arrival, none twice.
func claimInOrder(b *bench) {
	b.start()
	b.append(numbered(0, 10, "ops")...)
	var all []string
	for _, max := range []int{1, 2, 3, 100} {
		for left := max; left > 0 && len(all) < 10; {
			ds := b.claim("ops", left)
			if len(ds) == 0 || len(ds) > left {
				b.Fatalf("claim of %d returns %d", left, len(ds))
			}
			left -= len(ds)
			all = append(all, eventIDs(ds)...)
		}
	}
	b.equal("claimed", all, []string{"e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9"})
	b.claimNone("ops")
	if _, err := b.j.Claim(b.Context(), "ops", 0); err == nil {
		b.Fatal("a claim of 0 is no error")
	}
}

// claimEndsWithContext: a claim returns the context's error, and has claimed nothing then.
func claimEndsWithContext(b *bench) {
	b.start()
	ctx, cancel := context.WithCancel(b.Context())
	failed := make(chan error)
	go func() {
		_, err := b.j.Claim(ctx, "ops", 1)
		failed <- err
	}()
	time.Sleep(b.moment)
	cancel()
	b.isErr("Claim", <-failed, context.Canceled)
	b.append(entry("a", "ops"))
	b.equal("claimed", eventIDs(b.claim("ops", 1)), []string{"a"})
}

// claimIsNotDurable: what was claimed and not settled is due again after a restart, as the same attempt.
func claimIsNotDurable(b *bench) {
	b.start()
	b.append(numbered(0, 5, "ops")...)
	b.settle(done(b.claim("ops", 1)[0]))
	b.claim("ops", 2)
	b.start()
	all := b.claimAll("ops")
	b.equal("claimed", eventIDs(all), []string{"e1", "e2", "e3", "e4"})
	for _, d := range all {
		b.equal("attempt", d.Attempt, 1)
	}
}

// retryIsExact: a retry is due at its time, not before and not later, and counts.
func retryIsExact(b *bench) {
	b.start()
	b.append(entry("a", "ops"), entry("b", "ops"))
	due := map[string]time.Duration{"a": 90 * time.Second, "b": time.Hour}
	start := time.Now()
	for len(due) > 0 {
		d := b.claim("ops", 1)[0]
		b.settle(retryIn(d, time.Until(start.Add(due[d.EventID]))))
		delete(due, d.EventID)
	}
	for _, want := range []struct {
		id string
		at time.Duration
	}{{"a", 90 * time.Second}, {"b", time.Hour}} {
		ds, err := b.j.Claim(b.Context(), "ops", 10)
		if err != nil {
			b.Fatal(err)
		}
		b.equal("claimed", eventIDs(ds), []string{want.id})
		b.equal("attempt", ds[0].Attempt, 2)
		b.equal("waited for "+want.id, time.Since(start), want.at)
	}
}

// retrySurvivesReopen: when a retry is due and how many attempts there were are durable.
func retrySurvivesReopen(b *bench) {
	b.start()
	b.append(entry("a", "ops"))
	start := time.Now()
	b.settle(retryIn(b.claim("ops", 1)[0], time.Hour))
	b.start()
	b.claimNone("ops")
	ds, err := b.j.Claim(b.Context(), "ops", 1)
	if err != nil {
		b.Fatal(err)
	}
	b.equal("waited", time.Since(start), time.Hour)
	b.equal("attempt", ds[0].Attempt, 2)
	b.settle(retryIn(ds[0], 0))
	b.equal("attempt", b.claim("ops", 1)[0].Attempt, 3)
}

// retriesDoNotStarve: first attempts go on while many wait for a retry, and while many retries are due.
func retriesDoNotStarve(b *bench) {
	b.start()
	const n = 300
	b.append(numbered(0, n, "ops")...)
	for left := n; left > 0; {
		var results []journal.Settlement
		for _, d := range b.claim("ops", left) {
			results = append(results, retryIn(d, time.Hour))
		}
		b.settle(results...)
		left -= len(results)
	}
	b.append(entry("new", "ops"))
	b.equal("claimed", eventIDs(b.claim("ops", 10)), []string{"new"})

	time.Sleep(2 * time.Hour)
	b.append(entry("newer", "ops"))
	for i := 0; ; i++ {
		if i > 10 {
			b.Fatal("a first attempt waits behind more than 10 claims of retries")
		}
		ds := b.claim("ops", 2)
		if ids := eventIDs(ds); ids[len(ids)-1] == "newer" {
			return
		}
	}
}

// releaseIsNoAttempt: what is handed back is due at once, as the same attempt, and before what came later.
func releaseIsNoAttempt(b *bench) {
	b.start()
	b.append(numbered(0, 3, "ops")...)
	first := b.claim("ops", 1)
	b.settle(release(first[0]))
	var ids []string
	for len(ids) < 3 {
		for _, d := range b.claim("ops", 3) {
			b.equal("attempt", d.Attempt, 1)
			ids = append(ids, d.EventID)
		}
	}
	b.equal("claimed first", ids[0], "e0")
	b.equal("history", b.event(1).Deliveries[0].Attempts, 0)
}

// orderKey: one at a time and in order of arrival, per key; other keys and plugins do not wait.
func orderKey(b *bench) {
	b.start()
	b.append(ordered("k1", "k"), ordered("k2", "k"), ordered("l1", "l"), ordered("k3", "k"), ordered("free", ""), entry("mail", "mail"))
	next := func() map[string]journal.Delivery {
		got := make(map[string]journal.Delivery)
		for _, d := range b.claimAll("ops") {
			got[d.EventID] = d
		}
		return got
	}
	is := func(got map[string]journal.Delivery, want ...string) {
		b.Helper()
		if len(got) != len(want) {
			b.Fatalf("claimed %v, want %v", got, want)
		}
		for _, id := range want {
			if _, ok := got[id]; !ok {
				b.Fatalf("claimed %v, want %v", got, want)
			}
		}
	}
	got := next()
	is(got, "k1", "l1", "free")
	b.settle(done(got["l1"]), retryIn(got["k1"], b.moment))
	is(next())
	time.Sleep(b.moment)
	got = next()
	is(got, "k1")
	b.settle(release(got["k1"]))
	got = next()
	is(got, "k1")
	b.settle(dead(got["k1"], journal.ReasonRejected))
	got = next()
	is(got, "k2")
	b.append(ordered("k4", "k"), ordered("l2", "l"))
	is(next(), "l2")
	b.settle(done(got["k2"]))
	got = next()
	is(got, "k3")
	b.settle(done(got["k3"]))
	is(next(), "k4")
}

// orderKeySurvivesReopen: order holds over a restart, also while the first waits for a retry.
func orderKeySurvivesReopen(b *bench) {
	b.start()
	var all []journal.Entry
	for i := range 20 {
		all = append(all, ordered(fmt.Sprintf("k%d", i), "k"))
	}
	b.append(all...)
	b.settle(retryIn(b.claim("ops", 10)[0], b.moment))
	b.start()
	b.append(ordered("k20", "k"))
	b.claimNone("ops")
	time.Sleep(b.moment)
	for i := range 21 {
		ds := b.claim("ops", 10)
		b.equal("claimed", eventIDs(ds), []string{fmt.Sprintf("k%d", i)})
		if i == 7 {
			b.start()
			ds = b.claim("ops", 10)
		}
		b.settle(done(ds[0]))
	}
}

// orderKeyRedrive: a dead letter that is due again is again before those that came after it.
func orderKeyRedrive(b *bench) {
	b.start()
	b.append(ordered("k1", "k"), ordered("k2", "k"), ordered("k3", "k"))
	k1 := b.claim("ops", 10)[0]
	b.settle(dead(k1, journal.ReasonRejected))
	k2 := b.claim("ops", 10)[0]
	b.equal("second", k2.EventID, "k2")
	if n, err := b.j.Redrive(b.Context(), []int64{k1.Seq}); n != 1 || err != nil {
		b.Fatalf("Redrive: %d, %v", n, err)
	}
	b.claimNone("ops") // k2 is still out
	b.settle(retryIn(k2, 0))
	for _, want := range []string{"k1", "k2"} {
		ds := b.claim("ops", 10)
		b.equal("claimed", eventIDs(ds), []string{want})
		b.settle(done(ds[0]))
	}

	// The one behind it had been due already: it is neither early nor returned twice.
	for i, after := range []time.Duration{0, b.moment} {
		first, second := fmt.Sprint("first", i), fmt.Sprint("second", i)
		b.append(ordered(second, "k"))
		d := b.claim("ops", 1)[0]
		b.settle(dead(d, journal.ReasonRejected))
		if n, err := b.j.Redrive(b.Context(), []int64{d.Seq}); n != 1 || err != nil {
			b.Fatalf("Redrive: %d, %v", n, err)
		}
		ds := b.claim("ops", 1)
		b.equal(first, ds[0].Seq, d.Seq)
		if after > 0 {
			b.settle(retryIn(ds[0], after))
			b.claimNone("ops")
			time.Sleep(after)
			ds = b.claim("ops", 1)
			b.equal(first, ds[0].Seq, d.Seq)
		}
		b.settle(done(ds[0]))
		b.equal("then", eventIDs(b.claim("ops", 1)), []string{second})
		b.claimNone("ops")
		b.start()
	}
}
