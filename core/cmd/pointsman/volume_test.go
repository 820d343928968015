package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/sqlite"
	"github.com/pointsman/pointsman/core/source/intdash/intdashsend"
	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

var volumeRounds = flag.Int("volume-rounds", 2, "how often TestVolumeFilledByAnother fills the volume")

const volumeConfig = `
server { listen = "SERVER" }
admin { listen = "ADMIN" }
plugins { dir = "BIN" }
journal { path = "VOLUME/journal.db" }

source "intdash" "lab" {
  secrets = ["` + volumeSecret + `"]
}
`

const volumeSecret = "only-for-this-test-0123456789012"

// Another process fills the volume of the journal and frees it again, under load: meanwhile the router answers 503 and is not
// ready, then it takes events again by itself within two seconds, and nothing that it acknowledged is lost.
func TestVolumeFilledByAnother(t *testing.T) {
	dir := smallVolume(t)
	r := newRig(t, strings.Replace(volumeConfig, "VOLUME", dir, 1))
	r.start()
	l := startSenders(t, "http://"+r.server+"/hooks/lab")
	var slowest time.Duration
	for round := range *volumeRounds {
		l.waitFor("load", func(n map[int]int) int { return n[http.StatusNoContent] }, 200)
		fillVolume(t, filepath.Join(dir, "filler"))
		r.until("not ready", func() bool { return r.get("/readyz") == http.StatusServiceUnavailable })
		before := l.count()
		l.waitFor("503", func(n map[int]int) int { return n[http.StatusServiceUnavailable] }, 50)
		if taken := l.count()[http.StatusNoContent] - before[http.StatusNoContent]; taken > senders {
			t.Errorf("round %d: %d events were acknowledged while the router was not ready", round, taken)
		}
		if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
			t.Fatal(err)
		}
		freed := time.Now()
		l.waitFor("events after the space came back", func(n map[int]int) int { return n[http.StatusNoContent] }, senders+1)
		r.until("ready", func() bool { return r.get("/readyz") == http.StatusOK })
		slowest = max(slowest, time.Since(freed))
	}
	if slowest > 2*time.Second {
		t.Errorf("the slowest recovery took %s, want at most 2s", slowest)
	}
	acked := l.stop()
	if code := r.kill(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
	lost, deleted := lostEvents(t, filepath.Join(dir, "journal.db"), acked)
	if lost > deleted {
		t.Errorf("%d acknowledged events are not in the journal, which deleted %d to make room", lost, deleted)
	}
	n := l.count()
	t.Logf("%d rounds, slowest recovery %s; %d events acknowledged, %d requests answered 503, %d deleted to make room, %d lost",
		*volumeRounds, slowest, len(acked), n[http.StatusServiceUnavailable], deleted, max(0, lost-deleted))
	for status := range n {
		if status != http.StatusNoContent && status != http.StatusServiceUnavailable {
			t.Errorf("%d requests were answered %d", n[status], status)
		}
	}
}

// smallVolume mounts a file system of 64 MB for the test.
func smallVolume(t *testing.T) string {
	t.Helper()
	testenv.Need(t, testenv.Mount)
	image, dir := filepath.Join(t.TempDir(), "disk.img"), filepath.Join(t.TempDir(), "volume")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"truncate", "-s", "64M", image}, {"mkfs.ext4", "-q", image}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", args, err, out)
		}
	}
	if out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
		t.Skipf("this machine does not allow mounts: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v\n%s", err, out)
		}
	})
	return dir
}

// fillVolume takes all the space that is left.
func fillVolume(t *testing.T, name string) {
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

const senders = 16

// senderLoad posts signed webhooks, each sender one after the other.
type senderLoad struct {
	t      *testing.T
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	statuses map[int]int
	acked    []string
}

func startSenders(t *testing.T, url string) *senderLoad {
	ctx, cancel := context.WithCancel(t.Context())
	l := &senderLoad{t: t, cancel: cancel, statuses: map[int]int{}}
	t.Cleanup(func() { l.stop() })
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	for s := range senders {
		l.wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				l.post(ctx, client, url, fmt.Sprintf("%d-%d", s, i))
			}
		})
	}
	return l
}

// post sends one event of about 1 KiB.
func (l *senderLoad) post(ctx context.Context, client *http.Client, url, id string) {
	body := fmt.Appendf(nil, `{"delivery_uuid":%q,"resource_type":"measurement","action":"completed","padding":%q}`, id, bytes.Repeat([]byte("x"), 900))
	req, err := intdashsend.NewRequest(ctx, url, []byte(volumeSecret), body)
	if err != nil {
		l.t.Error(err)
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			l.t.Error(err)
		}
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.statuses[resp.StatusCode]++
	if resp.StatusCode == http.StatusNoContent {
		l.acked = append(l.acked, id)
	}
}

func (l *senderLoad) count() map[int]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.statuses)
}

// waitFor polls until what of counts has grown by n.
func (l *senderLoad) waitFor(name string, what func(map[int]int) int, n int) {
	l.t.Helper()
	start, deadline := what(l.count()), time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for what(l.count()) < start+n {
		if time.Now().After(deadline) {
			l.t.Fatalf("%s: not within %s; %v", name, patience, l.count())
		}
		<-tick.C
	}
}

func (l *senderLoad) stop() []string {
	l.cancel()
	l.wg.Wait()
	return l.acked
}

// lostEvents counts the acknowledged events that are not in the journal, and the events that the journal has deleted.
func lostEvents(t *testing.T, path string, acked []string) (lost, deleted int) {
	t.Helper()
	j, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	page, err := j.Events(t.Context(), journal.EventQuery{Page: journal.Page{Limit: 1}})
	newest := page.Events
	if err != nil || len(newest) == 0 {
		t.Fatalf("no events: %v", err)
	}
	stats, err := j.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range acked {
		if _, err := j.FindEvent(t.Context(), "lab", id); errors.Is(err, journal.ErrNotFound) {
			lost++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return lost, int(newest[0].Seq - stats.Events)
}
