package dispatch_test

import (
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

// BenchmarkDispatchReal delivers through a journal in a file and a plugin process that does nothing: "backlog" what was stored
// before, "flow" while it is being stored, by 64 writers of 8 events each.
func BenchmarkDispatchReal(b *testing.B) {
	noop := filepath.Join(b.TempDir(), handshake.FilePrefix+"noop")
	out, err := exec.Command("go", "build", "-o", noop, "github.com/pointsman/pointsman/plugins/sdk/plugintest/pointsman-plugin-noop").CombinedOutput()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	b.Run("backlog", func(b *testing.B) {
		r := newReal(b, noop)
		r.add(b.N, nil)
		benchmarkReal(b, r, func() {})
	})
	b.Run("flow", func(b *testing.B) {
		r := newReal(b, noop)
		benchmarkReal(b, r, func() {
			var writers sync.WaitGroup
			for w := range 64 {
				writers.Go(func() {
					for left := b.N/64 + min(1, max(0, b.N%64-w)); left > 0; left -= 8 {
						r.add(min(left, 8), nil)
					}
				})
			}
			writers.Wait()
		})
	})
}

// benchmarkReal reports the rate and, because that depends on what else the machine does, the processor time per delivery.
func benchmarkReal(b *testing.B, r *real, load func()) {
	r.start()
	if err := r.plugin.WaitReady(b.Context()); err != nil {
		b.Fatal(err)
	}
	host, plugin := cpuTime(b, syscall.RUSAGE_SELF), cpuTime(b, syscall.RUSAGE_CHILDREN)
	b.ReportAllocs()
	b.ResetTimer()
	load()
	r.settled(10 * time.Minute)
	b.StopTimer()
	perDelivery := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(b.N) }
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(perDelivery(cpuTime(b, syscall.RUSAGE_SELF)-host), "host-cpu-us/op")
	r.stop()
	b.ReportMetric(perDelivery(cpuTime(b, syscall.RUSAGE_CHILDREN)-plugin), "plugin-cpu-us/op") // its start included
}

func cpuTime(b *testing.B, who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
