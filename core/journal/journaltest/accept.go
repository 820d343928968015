package journaltest

import (
	"fmt"
	"sync"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// survivesReopen: acknowledged deliveries are there again, byte for byte, under the same ids.
func survivesReopen(b *bench) {
	b.start()
	e := entry("one", "ops", "mail")
	e.Deliveries[0].OrderKey = "k"
	e.Envelope, e.Deliveries[1].Arguments = []byte{0, 1, 0xff, 0}, []byte(`{"ü":"\u0000"}`)
	a := b.append(e)[0]
	before := append(b.claim("ops", 1), b.claim("mail", 1)...)
	b.start()
	after := append(b.claim("ops", 1), b.claim("mail", 1)...)
	b.equal("deliveries after reopen", after, before)
	want := journal.Delivery{
		Seq: before[1].Seq, ID: before[1].ID, Event: a.Seq, EventID: "one", Source: "lab", Rule: "r", Plugin: "mail", Attempt: 1,
		Envelope: e.Envelope, Arguments: e.Deliveries[1].Arguments, Policy: policy, Received: time.Unix(0, e.Received.UnixNano()),
	}
	got := after[1]
	got.Received = time.Unix(0, got.Received.UnixNano())
	b.equal("delivery", got, want)
	if after[0].ID == after[1].ID || after[0].ID == "" {
		b.Fatalf("ids %q and %q must differ", after[0].ID, after[1].ID)
	}
	b.claimNone("ops")
}

// memory: entries appended without waiting are delivered in order, recognised as duplicates later, and stored by a clean close.
func memory(b *bench) {
	b.start()
	add := func(id string) {
		b.Helper()
		a, err := b.j.Append(b.Context(), journal.Memory, []journal.Entry{entry(id, "ops")})
		if err != nil {
			b.Fatalf("Append: %v", err)
		}
		b.equal("appended", a, []journal.Appended{{}})
	}
	for _, id := range []string{"one", "two", "one"} {
		add(id)
	}
	b.append(entry("three", "ops"))
	if a := b.append(entry("two", "ops")); !a[0].Duplicate {
		b.Error("an entry appended to memory is not recognised as a duplicate")
	}
	b.equal("delivered", eventIDs(b.claimAll("ops")), []string{"one", "two", "three"})
	add("four")
	b.start()
	b.equal("after reopen", len(b.claimAll("ops")), 4)
}

// duplicateKeys: an entry is a duplicate if any of its keys was stored for its source, or stands in the same call.
func duplicateKeys(b *bench) {
	b.start()
	withKeys := func(source string, keys ...string) journal.Entry {
		e := entry("id-"+fmt.Sprint(keys), "ops")
		e.Source, e.Keys = source, nil
		for _, k := range keys {
			e.Keys = append(e.Keys, journal.Key{Value: k})
		}
		return e
	}
	check := func(entries []journal.Entry, want ...journal.Appended) {
		b.Helper()
		b.equal("appended", b.append(entries...), want)
	}
	check([]journal.Entry{withKeys("lab", "a", "b")}, journal.Appended{Seq: 1})
	check([]journal.Entry{withKeys("lab", "b")}, journal.Appended{Seq: 1, Duplicate: true})
	check([]journal.Entry{withKeys("lab", "c", "a")}, journal.Appended{Seq: 1, Duplicate: true})
	check([]journal.Entry{withKeys("field", "a")}, journal.Appended{Seq: 2})
	check([]journal.Entry{withKeys("lab", "x"), withKeys("lab", "y"), withKeys("lab", "z", "x")},
		journal.Appended{Seq: 3}, journal.Appended{Seq: 4}, journal.Appended{Seq: 3, Duplicate: true})
	check([]journal.Entry{withKeys("lab"), withKeys("lab")}, journal.Appended{Seq: 5}, journal.Appended{Seq: 6})
	check([]journal.Entry{withKeys("la", "bq")}, journal.Appended{Seq: 7})
	check([]journal.Entry{withKeys("lab", "q")}, journal.Appended{Seq: 8})
	b.equal("claimed", len(b.claimAll("ops")), 8)
}

// duplicateWindow: a key is kept for its window, also over a restart, and duplicates do not extend it.
func duplicateWindow(b *bench) {
	b.o.DedupeWindow = time.Hour
	b.start()
	e := entry("a", "ops")
	short := entry("b", "ops")
	short.Keys[0].Window = 10 * time.Minute
	long := entry("c", "ops")
	long.Keys[0].Window = 3 * time.Hour
	duplicates := func() (d []bool) {
		for _, a := range b.append(e, short, long) {
			d = append(d, a.Duplicate)
		}
		return d
	}
	b.equal("at first", duplicates(), []bool{false, false, false})
	b.start()
	b.equal("at once", duplicates(), []bool{true, true, true})
	time.Sleep(9 * time.Minute)
	b.equal("after 9 min", duplicates(), []bool{true, true, true})
	time.Sleep(2 * time.Minute)
	b.start()
	b.equal("after 11 min", duplicates(), []bool{true, false, true})
	time.Sleep(50 * time.Minute)
	b.equal("after 61 min", duplicates(), []bool{false, false, true})
	time.Sleep(2 * time.Hour)
	b.equal("after 181 min", duplicates(), []bool{false, false, false})
}

// duplicatesAtOnce: of many concurrent entries with the same key, one is stored.
func duplicatesAtOnce(b *bench) {
	b.start()
	var wg sync.WaitGroup
	var mu sync.Mutex
	stored := 0
	for range 50 {
		wg.Go(func() {
			a, err := b.j.Append(b.Context(), journal.Disk, []journal.Entry{entry("same", "ops")})
			if err != nil {
				b.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if !a[0].Duplicate {
				stored++
			}
			if a[0].Seq != 1 {
				b.Errorf("seq is %d, want that of the first", a[0].Seq)
			}
		})
	}
	wg.Wait()
	b.equal("stored", stored, 1)
	b.equal("claimed", len(b.claimAll("ops")), 1)
}

// manyKeys: keys are found however many came after them, also after a restart.
func manyKeys(b *bench) {
	b.start()
	const n = 2000
	for i := 0; i < n; i += 100 {
		b.append(numbered(i, 100, "ops")...)
	}
	for range 2 {
		for i, a := range b.append(numbered(0, n, "ops")...) {
			if !a.Duplicate || a.Seq != int64(i+1) {
				b.Fatalf("entry %d appended again: %+v", i, a)
			}
		}
		b.start()
	}
	for _, a := range b.append(numbered(n, 100, "ops")...) {
		if a.Duplicate {
			b.Fatalf("a new entry is a duplicate of %d", a.Seq)
		}
	}
}
