package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

// smallReserve is about the default on a volume of 64 MB; open has no reserve unless a test gives one.
const smallReserve = 3 << 20

// smallVolume mounts an ext4 volume of 64 MB.
func smallVolume(t *testing.T) string {
	t.Helper()
	testenv.Need(t, testenv.Mount)
	top := t.TempDir()
	image, dir := filepath.Join(top, "disk.img"), filepath.Join(top, "small")
	for _, args := range [][]string{{"truncate", "-s", "64M", image}, {"mkfs.ext4", "-q", image}} {
		if err := sh(t, args[0], args[1:]...); err != nil {
			t.Fatal(err)
		}
	}
	mount(t, dir, "-o", "loop", image)
	return dir
}

// deliverAll settles whatever the journal hands out until ctx ends.
func deliverAll(ctx context.Context, j *Journal) {
	for {
		ds, err := j.Claim(ctx, "ops", 100)
		if err != nil {
			return
		}
		results := make([]journal.Settlement, len(ds))
		for i, d := range ds {
			results[i] = journal.Settlement{Seq: d.Seq, Outcome: journal.Done}
		}
		for j.Settle(ctx, results) != nil && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond) // the volume is full: the deliveries are still claimed
		}
	}
}

// TestSmallVolume: a journal whose deliveries are all settled goes on for as long as it likes on a volume that holds only a
// part of its history.
func TestSmallVolume(t *testing.T) {
	j := open(t, filepath.Join(smallVolume(t), "journal.db"), Options{Reserve: smallReserve})
	ctx, cancel := context.WithCancel(t.Context())
	var settling, writing sync.WaitGroup
	settling.Go(func() { deliverAll(ctx, j) })
	const writers, each = 16, 800 // of 4 KiB, two pages a row at most: over 64 MB
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				e := testEntry(fmt.Sprintf("%d-%d", w, i))
				e.Envelope = make([]byte, 4<<10)
				if err := appendFor(t.Context(), j, e, 2*time.Second); err != nil {
					t.Errorf("event %s: %v", e.ID, err)
					return
				}
			}
		})
	}
	writing.Wait()
	cancel()
	settling.Wait()
	if err := j.Ready(t.Context()); err != nil {
		t.Errorf("not ready at the end: %v", err)
	}
}

// appendFor appends again for a time while the journal is full, as a sender does that is answered 503.
func appendFor(ctx context.Context, j *Journal, e journal.Entry, limit time.Duration) error {
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		_, err := j.Append(ctx, journal.Disk, []journal.Entry{e})
		if !errors.Is(err, journal.ErrFull) || time.Since(start) > limit {
			return err
		}
	}
}

// TestVolumeFilledByOthers: while another process holds the whole volume, the journal is not ready and refuses with ErrFull;
// within two seconds of the space coming back it takes events again by itself.
func TestVolumeFilledByOthers(t *testing.T) {
	dir := smallVolume(t)
	path, filler := filepath.Join(dir, "journal.db"), filepath.Join(dir, "filler")
	j := open(t, path, Options{Reserve: smallReserve})
	var acked []string
	add := func(id string) error {
		_, err := j.Append(t.Context(), journal.Disk, []journal.Entry{testEntry(id)})
		if err == nil {
			acked = append(acked, id)
		}
		return err
	}
	for round := range 3 {
		for i := range 200 {
			if err := add(fmt.Sprintf("%d-%d", round, i)); err != nil {
				t.Fatal(err)
			}
		}
		fill(t, filler)
		refused := false
		for i := range 100 {
			err := add(fmt.Sprintf("%d-full-%d", round, i))
			if err != nil && !errors.Is(err, journal.ErrFull) {
				t.Fatalf("Append on a full volume: %v", err)
			}
			refused = refused || err != nil
			time.Sleep(3 * time.Millisecond)
		}
		if err := j.Ready(t.Context()); !refused || !errors.Is(err, journal.ErrFull) {
			t.Errorf("round %d: refused %t, Ready: %v", round, refused, err)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for j.Ready(t.Context()) != nil || add(fmt.Sprintf("%d-after", round)) != nil {
			if time.Since(start) > 2*time.Second {
				t.Fatalf("round %d: no event is taken two seconds after the space came back: %v", round, j.Ready(t.Context()))
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Logf("round %d: taken again after %v", round, time.Since(start))
	}
	for _, id := range acked {
		if _, err := j.FindEvent(t.Context(), "lab", id); err != nil {
			t.Errorf("%s was acknowledged: %v", id, err)
		}
	}
}

// TestReadyAfterFailure: Ready finds out by itself that a disk works again, without an event that tries it.
func TestReadyAfterFailure(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{})
	mustAppend(t, j, "before")
	j.space.failing.Store(true) // as after a commit that the disk refused
	if err := j.Ready(t.Context()); err != nil {
		t.Fatalf("Ready on a disk that works retries: %v", err)
	}
	if j.space.failing.Load() {
		t.Error("the journal still counts its disk as failing")
	}
}

// TestStatsDeadline: a caller that waits for the connection of another one is back by its own deadline.
func TestStatsDeadline(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{})
	held, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	go j.conn.do(context.Background(), func(*sqlite.Conn) error { //nolint:errcheck // returns nil
		close(held)
		<-release
		return nil
	})
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := j.Stats(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stats: %v, want its deadline", err)
	}
}
