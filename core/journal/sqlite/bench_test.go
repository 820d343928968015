package sqlite_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/sqlite"
)

const envelopeBytes = 1024

func benchEntry(i int) journal.Entry {
	id := "0192f1c0-7a5e-7cc3-98c4-" + strconv.Itoa(1e9+i)
	return journal.Entry{
		Source: "lab", ID: id, Type: "intdash.measurement.completed", Subject: "measurement", Received: time.Now(),
		Envelope: benchEnvelope, Keys: []journal.Key{{Value: id}},
		Deliveries: []journal.NewDelivery{{
			Rule: "measurement-done", Plugin: "ops",
			Arguments: []byte(`{"text":"Measurement 7f9d is complete","channel":"#ops"}`),
			Policy:    journal.Policy{MaxAge: 24 * time.Hour, MinBackoff: time.Second, MaxBackoff: 5 * time.Minute, Timeout: 30 * time.Second},
		}},
	}
}

var benchEnvelope = func() []byte {
	b := make([]byte, envelopeBytes)
	rand.Read(b)
	return b
}()

func openBench(b *testing.B) *sqlite.Journal {
	b.Helper()
	j, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "journal.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := j.Close(); err != nil {
			b.Error(err)
		}
	})
	return j
}

var writers = []int{1, 16, 64, 256}

// BenchmarkAppend stores events of 1 KiB with one delivery each, one at a time per writer. Compare with BenchmarkBareFile of
// the same run: what the same bytes cost on this disk with the same grouping and nothing else.
func BenchmarkAppend(b *testing.B) {
	for _, n := range writers {
		b.Run(fmt.Sprintf("writers=%d", n), func(b *testing.B) {
			j := openBench(b)
			b.ResetTimer()
			inParallel(b, n, func(i int) error {
				_, err := j.Append(context.Background(), journal.Disk, []journal.Entry{benchEntry(i)})
				return err
			})
		})
	}
}

// BenchmarkBareFile appends the same bytes to a plain file and calls fsync once for all that wait.
func BenchmarkBareFile(b *testing.B) {
	for _, n := range writers {
		b.Run(fmt.Sprintf("writers=%d", n), func(b *testing.B) {
			f := newBareFile(b)
			b.ResetTimer()
			inParallel(b, n, func(i int) error {
				e := benchEntry(i)
				return f.append(append(append(bytes.Clone(e.Envelope), e.Deliveries[0].Arguments...), e.ID...))
			})
		})
	}
}

// BenchmarkDrain appends from 64 writers while one goroutine claims and settles everything.
func BenchmarkDrain(b *testing.B) {
	j := openBench(b)
	done := make(chan error, 1)
	b.ResetTimer()
	go func() { done <- drain(j, b.N) }()
	inParallel(b, 64, func(i int) error {
		_, err := j.Append(context.Background(), journal.Disk, []journal.Entry{benchEntry(i)})
		return err
	})
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "drained/s")
}

// BenchmarkBacklog claims and settles what no memory holds any more: the journal was closed in between.
func BenchmarkBacklog(b *testing.B) {
	path := filepath.Join(b.TempDir(), "journal.db")
	j, err := sqlite.Open(b.Context(), path, sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	inParallel(b, 64, func(i int) error {
		_, err := j.Append(context.Background(), journal.Disk, []journal.Entry{benchEntry(i)})
		return err
	})
	j.Close()
	b.ResetTimer()
	if j, err = sqlite.Open(b.Context(), path, sqlite.Options{}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds()), "open-ms")
	defer j.Close()
	if err := drain(j, b.N); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "drained/s")
}

func drain(j *sqlite.Journal, n int) error {
	results := make([]journal.Settlement, 0, 256)
	for left := n; left > 0; {
		ds, err := j.Claim(context.Background(), "ops", 256)
		if err != nil {
			return err
		}
		results = results[:0]
		for _, d := range ds {
			results = append(results, journal.Settlement{Seq: d.Seq, Outcome: journal.Done})
		}
		if err := j.Settle(context.Background(), results); err != nil {
			return err
		}
		left -= len(ds)
	}
	return nil
}

// inParallel calls f b.N times from n goroutines and reports calls per second.
func inParallel(b *testing.B, n int, f func(i int) error) {
	before := cpu()
	var wg sync.WaitGroup
	work := make(chan int, 1024)
	for range n {
		wg.Go(func() {
			for i := range work {
				if err := f(i); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range b.N {
		work <- i
	}
	close(work)
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/float64(b.N)/1e3, "cpu-us/append")
}

// cpu is the processor time of this process, which a busy machine changes far less than the clock's.
func cpu() time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		panic(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// bareFile commits groups to a plain file.
type bareFile struct {
	f  *os.File
	in chan bareWrite
}

type bareWrite struct {
	b    []byte
	done chan error
}

func newBareFile(b *testing.B) *bareFile {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	bf := &bareFile{f: f, in: make(chan bareWrite, 1024)}
	go bf.run()
	b.Cleanup(func() { close(bf.in); f.Close() })
	return bf
}

func (f *bareFile) append(b []byte) error {
	w := bareWrite{b, make(chan error, 1)}
	f.in <- w
	return <-w.done
}

func (f *bareFile) run() {
	var buf []byte
	var group []bareWrite
	for w := range f.in {
		buf, group = append(buf[:0], w.b...), append(group[:0], w)
		for more := true; more && len(group) < 1024; {
			select {
			case w := <-f.in:
				buf, group = append(buf, w.b...), append(group, w)
			default:
				more = false
			}
		}
		_, err := f.f.Write(buf)
		if err == nil {
			err = f.f.Sync()
		}
		for _, w := range group {
			w.done <- err
		}
	}
}
