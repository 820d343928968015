package sqlite

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

// childEnv makes the test binary a program that appends to the journal it names until it is killed, and prints the id of
// each event that was acknowledged.
const childEnv = "POINTSMAN_TEST_JOURNAL"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := child(path, os.Getenv(childEnv+"_NAME"), os.Getenv(childEnv+"_MODE")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); raceEnabled && f.Value.String() == f.DefValue {
		if err := f.Value.Set("25"); err != nil { // SQLite in Go is ten times slower under the race detector
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func child(path, name, mode string) error {
	tu := tuning{walBytes: 1 << 20, runSize: 500}
	if mode == "unflushed" {
		tu = tuning{walBytes: 1 << 40}
	}
	j, err := Open(context.Background(), path, Options{Reserve: -1, tuning: tu})
	if err != nil {
		return err
	}
	if mode == "unflushed" {
		if err := execAll(j.w.c, "PRAGMA synchronous = OFF"); err != nil {
			return err
		}
	}
	var mu sync.Mutex // a line is whole
	ack := func(kind, id string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(kind, id)
	}
	if mode == "settle" {
		go settleAll(j, ack)
	}
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := 0; err == nil; i++ {
				id := fmt.Sprintf("%s-%d-%d", name, w, i)
				e := testEntry(id)
				e.Envelope = append(e.Envelope, make([]byte, 1024)...)
				if _, aerr := j.Append(context.Background(), journal.Disk, []journal.Entry{e}); aerr != nil {
					fmt.Fprintln(os.Stderr, aerr)
					os.Exit(1)
				}
				ack("ack", id)
				if mode == "hold" {
					select {}
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// settleAll delivers every second event.
func settleAll(j *Journal, ack func(kind, id string)) {
	for n := 0; ; {
		ds, err := j.Claim(context.Background(), "ops", 20)
		if err != nil {
			return
		}
		for _, d := range ds {
			n++
			if n%2 == 0 {
				continue // stays claimed: owed after the crash
			}
			if err := j.Settle(context.Background(), []journal.Settlement{{Seq: d.Seq, Outcome: journal.Done}}); err != nil {
				return
			}
			ack("done", d.EventID)
		}
	}
}

// childProc is a child and what it has acknowledged.
type childProc struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	ack  map[string]string // id -> "ack" or "done"
	more chan struct{}
	read chan struct{} // closed at the end of its output
}

// startChild starts the test binary as a child, by way of the program named by via when there is one.
func startChild(t *testing.T, path, name, mode string, via ...string) *childProc {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	via = append(via, exe)
	c := &childProc{cmd: exec.Command(via[0], via[1:]...), ack: make(map[string]string), more: make(chan struct{}, 1), read: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), childEnv+"="+path, childEnv+"_NAME="+name, childEnv+"_MODE="+mode)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.cmd.Process.Kill() }) //nolint:errcheck // usually long dead
	go func() {
		defer close(c.read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			kind, id, ok := strings.Cut(lines.Text(), " ")
			if !ok {
				continue // cut off
			}
			c.mu.Lock()
			c.ack[id] = kind
			c.mu.Unlock()
			select {
			case c.more <- struct{}{}:
			default:
			}
		}
	}()
	return c
}

func (c *childProc) waitAcks(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	for {
		c.mu.Lock()
		have := len(c.ack)
		c.mu.Unlock()
		if have >= n {
			return
		}
		select {
		case <-c.more:
		case <-c.read:
			t.Fatalf("the child ended after %d acknowledgements", have)
		case <-deadline:
			t.Fatalf("%d acknowledgements after 60 s, want %d", have, n)
		}
	}
}

// kill kills the child and returns what it has acknowledged.
func (c *childProc) kill(t *testing.T) map[string]string {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-c.read
	c.cmd.Wait() //nolint:errcheck // it was killed
	return c.ack
}

// TestKill: whatever was acknowledged before a SIGKILL at any moment is there: events, and settlements as settled.
func TestKill(t *testing.T) {
	rounds := 5
	if v, err := strconv.Atoi(os.Getenv("POINTSMAN_TEST_KILLS")); err == nil {
		rounds = v
	}
	path := filepath.Join(t.TempDir(), "journal.db")
	all := make(map[string]string)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range rounds {
		c := startChild(t, path, strconv.Itoa(i), "settle")
		c.waitAcks(t, 1+r.IntN(1000))
		maps.Copy(all, c.kill(t))
		verify(t, path, all)
	}
	t.Logf("%d acknowledgements over %d kills", len(all), rounds)
}

// verify compares the journal with the acknowledgements.
func verify(t *testing.T, path string, acked map[string]string) {
	t.Helper()
	j, err := Open(t.Context(), path, Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	if ok, err := pragmaText(j.w.c, "integrity_check"); err != nil || ok != "ok" {
		t.Fatalf("integrity check: %s, %v", ok, err)
	}
	lost := 0
	for id, kind := range acked {
		e, err := j.FindEvent(t.Context(), "lab", id)
		if err != nil || kind == "done" && e.State != journal.StateDone || len(e.Deliveries) != 1 {
			lost++
			t.Errorf("%s was acknowledged (%s): %+v, %v", id, kind, e, err)
		}
		if lost > 10 {
			t.FailNow()
		}
	}
}

func pragmaText(c *sqlite.Conn, name string) (string, error) {
	s := c.Prep("PRAGMA " + name)
	_, err := s.Step()
	if err != nil {
		return "", err
	}
	text := s.ColumnText(0)
	return text, s.Reset()
}
