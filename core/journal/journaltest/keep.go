package journaltest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// big is an event of 10 kB with one delivery to "ops".
func big(id string) journal.Entry {
	e := entry(id, "ops")
	e.Envelope = []byte(strings.Repeat("x", 10_000))
	return e
}

// fill appends until the journal is full and returns how many were accepted.
func (b *bench) fill(from int) int {
	b.Helper()
	for i := from; ; i++ {
		_, err := b.j.Append(b.Context(), journal.Disk, []journal.Entry{big(fmt.Sprint("big", i))})
		if errors.Is(err, journal.ErrFull) {
			return i
		}
		if err != nil || i > 10_000 {
			b.Fatalf("append %d: %v", i, err)
		}
	}
}

// full: at the cap Append returns ErrFull, as Ready does, and drops nothing; settling continues, and refused events can be appended
// later.
func full(b *bench) {
	b.o.MaxBytes = 1 << 20
	b.start()
	n := b.fill(0)
	if n < 50 {
		b.Fatalf("full after %d events of 10 kB, the cap is 1 MiB", n)
	}
	if st := b.stats(); st.Bytes > st.Limit || st.Limit != b.o.MaxBytes {
		b.Fatalf("%d of %d bytes in use", st.Bytes, st.Limit)
	}
	b.start()
	_, err := b.j.Append(b.Context(), journal.Disk, []journal.Entry{big(fmt.Sprint("big", n))})
	b.isErr("Append after reopen", err, journal.ErrFull)
	_, err = b.j.Append(b.Context(), journal.Memory, []journal.Entry{big(fmt.Sprint("big", n))})
	b.isErr("Append to memory", err, journal.ErrFull)
	b.isErr("Ready while full", b.j.Ready(b.Context()), journal.ErrFull)
	for left := n; left > 0; {
		for _, d := range b.claim("ops", left) {
			b.settle(done(d))
			left--
		}
	}
	if _, err := b.j.Sweep(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.equal("ready", b.j.Ready(b.Context()), error(nil))
	b.equal("refused before", b.append(big(fmt.Sprint("big", n)))[0].Duplicate, false)
}

// fullIsAtomic: a batch that does not fit leaves nothing behind.
func fullIsAtomic(b *bench) {
	b.o.MaxBytes = 1 << 20
	b.start()
	var batch []journal.Entry
	for i := range 200 {
		batch = append(batch, big(fmt.Sprint("big", i)))
	}
	_, err := b.j.Append(b.Context(), journal.Disk, batch)
	b.isErr("Append", err, journal.ErrFull)
	b.claimNone("ops")
	b.equal("events", b.stats().Events, int64(0))
	for _, a := range b.append(batch[:10]...) {
		b.equal("duplicate", a.Duplicate, false)
	}
}

// fullAtOnce: the cap holds for many who append at the same time.
func fullAtOnce(b *bench) {
	b.o.MaxBytes = 1 << 20
	b.start()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if _, err := b.j.Append(b.Context(), journal.Disk, []journal.Entry{big(fmt.Sprint("big", i))}); err != nil && !errors.Is(err, journal.ErrFull) {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	// A store knows what an event takes only when it is written: a sixteenth more is near enough.
	if st := b.stats(); st.Bytes > st.Limit+st.Limit/16 || st.Events < 30 {
		b.Fatalf("%d events in %d of %d bytes", st.Events, st.Bytes, st.Limit)
	}
}

// settledMakesRoom: near the cap the oldest settled events are deleted early, dropped ones too; pending, dead and quarantined ones stay.
func settledMakesRoom(b *bench) {
	b.o.MaxBytes = 1 << 20
	b.start()
	q := entry("quarantined")
	q.Quarantine = "broken"
	b.append(entry("owed", "slow"), q, entry("dead", "ops"), entry("dropped", "ops"))
	ds := b.claim("ops", 2)
	b.settle(dead(ds[0], journal.ReasonRejected), dead(ds[1], journal.ReasonRejected))
	if n, err := b.j.Drop(b.Context(), []int64{ds[1].Seq}); n != 1 || err != nil {
		b.Fatalf("Drop: %d, %v", n, err)
	}
	for i := range 300 { // three times the cap
		e := big(fmt.Sprint("big", i))
		_, err := b.j.Append(b.Context(), journal.Disk, []journal.Entry{e})
		for tries := 0; errors.Is(err, journal.ErrFull) && tries < 100; tries++ {
			time.Sleep(time.Second) // the engine sweeps meanwhile
			_, err = b.j.Append(b.Context(), journal.Disk, []journal.Entry{e})
		}
		if err != nil {
			b.Fatalf("append %d: %v", i, err)
		}
		b.settle(done(b.claim("ops", 1)[0]))
	}
	b.equal("states", []journal.State{b.event(1).State, b.event(2).State, b.event(3).State},
		[]journal.State{journal.StatePending, journal.StateQuarantined, journal.StateDead})
	b.equal("owed", eventIDs(b.claim("slow", 1)), []string{"owed"})
	for seq, what := range map[int64]string{4: "dropped event", 5: "oldest settled event"} {
		_, err := b.j.Event(b.Context(), seq)
		b.isErr(what, err, journal.ErrNotFound)
	}
}

// retention: settled events are deleted after the retention, pending ones never.
func retention(b *bench) {
	b.o.Retention = 24 * time.Hour
	b.start()
	q := entry("quarantined")
	q.Quarantine = "broken"
	again := entry("done")
	again.Keys, again.ReplayOf = nil, 1
	b.append(entry("done", "ops"), entry("owed", "slow"), entry("dead", "mail"), q, entry("unmatched"), entry("late", "ops"), entry("dropped", "mail"), again)
	ds := b.claim("ops", 1)
	b.settle(done(ds[0]))
	mail := b.claim("mail", 2)
	b.settle(dead(mail[0], journal.ReasonRejected), dead(mail[1], journal.ReasonRejected))
	if n, err := b.j.Drop(b.Context(), []int64{mail[1].Seq}); n != 1 || err != nil {
		b.Fatalf("Drop: %d, %v", n, err)
	}
	time.Sleep(23 * time.Hour)
	b.settle(done(b.claim("ops", 1)[0])) // counts from here
	if _, err := b.j.Sweep(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.equal("events after 23 h", b.stats().Events, int64(8))
	time.Sleep(2 * time.Hour)
	if _, err := b.j.Sweep(b.Context()); err != nil {
		b.Fatal(err)
	}
	left := func() (ids []string) {
		for _, e := range b.events(journal.EventQuery{}) {
			ids = append(ids, e.ID)
		}
		return ids
	}
	b.equal("after 25 h", left(), []string{"late", "owed"})
	b.equal("dead", b.stats().Plugins["mail"].Dead, int64(0))
	time.Sleep(20 * 24 * time.Hour) // the engine sweeps on its own
	b.equal("after 20 days", left(), []string{"owed"})
	b.equal("events", b.stats().Events, int64(1))
	b.start()
	b.equal("events", b.stats().Events, int64(1))
	b.equal("owed", eventIDs(b.claim("slow", 1)), []string{"owed"})
}

// numbersAreNotReused: no two deliveries have the same id, even if everything was deleted in between.
func numbersAreNotReused(b *bench) {
	b.o.Retention = time.Hour
	b.start()
	seen := make(map[string]bool)
	for i := range 3 {
		b.append(entry(fmt.Sprint("e", i), "ops"))
		d := b.claim("ops", 1)[0]
		if seen[d.ID] || d.Event != int64(i+1) {
			b.Fatalf("delivery %s of event %d: its id was used before", d.ID, d.Event)
		}
		seen[d.ID] = true
		b.settle(done(d))
		time.Sleep(2 * time.Hour)
		if _, err := b.j.Sweep(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.equal("events", b.stats().Events, int64(0))
		b.start()
	}
}

// closed: every method returns ErrClosed.
func closed(b *bench) {
	j := b.start()
	b.equal("ready", j.Ready(b.Context()), error(nil))
	b.append(entry("a", "ops"))
	d := b.claim("ops", 1)[0]
	b.close()
	b.isErr("Ready", j.Ready(b.Context()), journal.ErrClosed)
	_, err := j.Append(b.Context(), journal.Disk, []journal.Entry{entry("b", "ops")})
	b.isErr("Append", err, journal.ErrClosed)
	_, err = j.Append(b.Context(), journal.Memory, []journal.Entry{entry("b", "ops")})
	b.isErr("Append to memory", err, journal.ErrClosed)
	_, err = j.Claim(b.Context(), "ops", 1)
	b.isErr("Claim", err, journal.ErrClosed)
	b.isErr("Settle", j.Settle(b.Context(), []journal.Settlement{done(d)}), journal.ErrClosed)
	_, err = j.Stats(b.Context())
	b.isErr("Stats", err, journal.ErrClosed)
	_, err = j.Event(b.Context(), 1)
	b.isErr("Event", err, journal.ErrClosed)
	_, err = j.Redrive(b.Context(), []int64{1})
	b.isErr("Redrive", err, journal.ErrClosed)
	_, err = j.Drop(b.Context(), []int64{1})
	b.isErr("Drop", err, journal.ErrClosed)
	_, err = j.Sweep(b.Context())
	b.isErr("Sweep", err, journal.ErrClosed)
	b.equal("Close again", j.Close(), error(nil))
}

// closeEndsClaims: Close ends waiting claims.
func closeEndsClaims(b *bench) {
	j := b.start()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			_, err := j.Claim(context.Background(), fmt.Sprint("p", i), 1)
			if !errors.Is(err, journal.ErrClosed) {
				b.Errorf("Claim: %v, want ErrClosed", err)
			}
		})
	}
	time.Sleep(b.moment)
	b.close()
	wg.Wait()
}
