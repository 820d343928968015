package sqlite

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

func sh(t *testing.T, name string, args ...string) error {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// mount mounts and skips where that is not allowed, as in most containers.
func mount(t *testing.T, dir string, args ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := sh(t, "mount", append(args, dir)...); err != nil {
		t.Skipf("this machine lets nobody mount: %v", err)
	}
	t.Cleanup(func() { unmount(t, dir) })
}

func unmount(t *testing.T, dir string) {
	t.Helper()
	if err := sh(t, "umount", dir); err != nil && !strings.Contains(err.Error(), "not mounted") {
		t.Error(err)
	}
}

// TestDiskFull: on a full disk Append fails at once and keeps nothing; what is owed stays; when space returns it works again.
func TestDiskFull(t *testing.T) {
	testenv.Need(t, testenv.Mount)
	dir := filepath.Join(t.TempDir(), "small")
	mount(t, dir, "-t", "tmpfs", "-o", "size=16m", "tmpfs")
	path := filepath.Join(dir, "journal.db")
	j, err := Open(t.Context(), path, Options{Reserve: -1, tuning: tuning{walBytes: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() }) // before the unmount, also when the test fails
	mustAppend(t, j, "before")
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	acked := []string{"before"}
	failed := 0
	for i := range 50 {
		id := fmt.Sprint("full", i)
		e := testEntry(id)
		e.Envelope = make([]byte, 100_000)
		_, err := j.Append(t.Context(), journal.Disk, []journal.Entry{e})
		switch {
		case err == nil:
			acked = append(acked, id)
		case sqlite.ErrCode(err).ToPrimary() != sqlite.ResultFull && !errors.Is(err, journal.ErrFull):
			t.Fatalf("Append on a full disk: %v", err)
		default:
			failed++
		}
	}
	if failed == 0 {
		t.Fatal("the disk never filled")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, "after")
	acked = append(acked, "after")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j2 := open(t, path, Options{})
	for _, id := range acked {
		if e, err := j2.FindEvent(t.Context(), "lab", id); err != nil || e.State != journal.StatePending {
			t.Errorf("%s: %+v, %v", id, e, err)
		}
	}
	if st, err := j2.Stats(t.Context()); err != nil || st.Events != int64(len(acked)) {
		t.Errorf("%d events, %v; want %d", st.Events, err, len(acked))
	}
	t.Logf("%d appends failed", failed)
}

// fill takes all the space.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size >= 1<<10; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSyncFails: a commit whose flush fails is never acknowledged, and what was acknowledged before is still there.
func TestSyncFails(t *testing.T) {
	testenv.Need(t, testenv.Strace)
	path := filepath.Join(t.TempDir(), "journal.db")
	c := startChild(t, path, "p", "settle", "strace", "-f", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=40+")
	<-c.read // the child ends at the first error
	if err := c.cmd.Wait(); err == nil {
		t.Fatal("the child met no error")
	}
	if len(c.ack) == 0 {
		t.Skip("strace cannot trace here: the child acknowledged nothing before it ended")
	}
	verify(t, path, c.ack)
	t.Logf("%d acknowledgements before the first failure", len(c.ack))
}

// TestTooLarge: what SQLite refuses of one caller fails only that caller, though they share a transaction.
func TestTooLarge(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{})
	j.w.c.Limit(sqlite.LimitLength, 50_000)
	errs := make(chan error, 20)
	for i := range cap(errs) {
		go func() {
			e := testEntry(fmt.Sprint(i))
			if i == 7 {
				e.Envelope = make([]byte, 100_000)
			}
			_, err := j.Append(t.Context(), journal.Disk, []journal.Entry{e})
			if i == 7 && err == nil {
				err = errors.New("too large an event was stored")
			} else if i == 7 {
				err = nil
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if st, err := j.Stats(t.Context()); err != nil || st.Events != 19 || st.Plugins["ops"].Pending != 19 {
		t.Errorf("stats: %+v, %v; want 19 events", st, err)
	}
}

// TestRolledBackNames: what a transaction would have named does not exist when it failed.
func TestRolledBackNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path, Options{})
	j.w.c.Limit(sqlite.LimitLength, 50_000)
	e := testEntry("a")
	e.Deliveries[0].OrderKey = strings.Repeat("k", 100_000)
	if _, err := j.Append(t.Context(), journal.Disk, []journal.Entry{e}); err == nil {
		t.Fatal("too long an order key was stored")
	}
	mustAppend(t, j, "b")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, path, Options{})
	ds, err := j.Claim(t.Context(), "ops", 10)
	if err != nil || len(ds) != 1 || ds[0].EventID != "b" || ds[0].Rule != "r" {
		t.Fatalf("claimed %+v, %v; want b", ds, err)
	}
}

// TestPowerLoss: a file system that has kept only what was flushed still has all that was acknowledged. The machine stops
// between two instants: the child is stopped, the image copied, and the copy opened.
func TestPowerLoss(t *testing.T) {
	testenv.Need(t, testenv.Mount)
	for i := range 3 {
		t.Run(fmt.Sprint("run", i), func(t *testing.T) {
			m, acked := losePower(t, "settle", 1000*(i+1))
			verify(t, filepath.Join(m, "journal.db"), acked)
			t.Logf("%d acknowledgements", len(acked))
		})
	}
	// The test can fail: a journal that does not flush loses what it has acknowledged.
	t.Run("unflushed", func(t *testing.T) {
		m, acked := losePower(t, "unflushed", 1000)
		lost := len(acked)
		if j, err := Open(t.Context(), filepath.Join(m, "journal.db"), Options{Reserve: -1}); err == nil {
			for id := range acked {
				if _, err := j.FindEvent(t.Context(), "lab", id); err == nil {
					lost--
				}
			}
			j.Close()
		}
		if lost == 0 {
			t.Error("nothing was lost without flushing: this test would not notice a loss")
		}
		t.Logf("%d of %d lost", lost, len(acked))
	})
}

// losePower runs a child on a file system of its own and returns that file system as it is after a power cut, and what the
// child had acknowledged.
func losePower(t *testing.T, mode string, acks int) (dir string, acked map[string]string) {
	t.Helper()
	top := t.TempDir()
	image, crashed := filepath.Join(top, "disk.img"), filepath.Join(top, "crash.img")
	for _, args := range [][]string{{"truncate", "-s", "200M", image}, {"mkfs.ext4", "-q", image}} {
		if err := sh(t, args[0], args[1:]...); err != nil {
			t.Fatal(err)
		}
	}
	live := filepath.Join(top, "live")
	// commit=600: nothing reaches the disk just because 5 seconds have passed.
	mount(t, live, "-o", "loop,commit=600", image)
	c := startChild(t, filepath.Join(live, "journal.db"), "p", mode)
	t.Cleanup(func() { c.cmd.Process.Kill() }) //nolint:errcheck // before the unmount, also when the test fails
	c.waitAcks(t, acks)
	if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := sh(t, "cp", "--sparse=always", image, crashed); err != nil {
		t.Fatal(err)
	}
	acked = c.kill(t)
	unmount(t, live)
	dir = filepath.Join(top, "after")
	mount(t, dir, "-o", "loop", crashed)
	return dir, acked
}
