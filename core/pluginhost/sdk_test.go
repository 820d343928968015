package pluginhost

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// buildNoop builds the SDK's plugin for tests.
func buildNoop(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "pointsman-plugin-noop")
	out, err := exec.Command("go", "build", "-o", path, "github.com/pointsman/pointsman/plugins/sdk/plugintest/pointsman-plugin-noop").CombinedOutput()
	if err != nil {
		tb.Fatalf("build the noop plugin: %v\n%s", err, out)
	}
	return path
}

func newNoopRig(tb testing.TB, path string) *rig {
	r := newRig(tb, "noop")
	r.spec.Path, r.spec.DataDir = path, tb.TempDir()
	return r
}

// TestWithSDK runs a plugin that is written with the SDK.
func TestWithSDK(t *testing.T) {
	path := buildNoop(t)

	t.Run("describe", func(t *testing.T) {
		desc, err := Describe(t.Context(), Spec{Name: "p", Kind: "noop", Path: path})
		if err != nil || len(desc.GetArguments().GetAttributes()) == 0 {
			t.Errorf("%v %v", desc, err)
		}
	})
	for _, tls := range []bool{false, true} {
		t.Run(fmt.Sprintf("deliver, tls=%t", tls), func(t *testing.T) {
			r := newNoopRig(t, path)
			r.spec.TLS = tls
			r.ready()
			s := r.session()
			d := Delivery{ID: "a", Attempt: 1, Timeout: time.Minute, Envelope: envelope(t, "e"), Arguments: []byte(`{"text":"hello"}`), Rule: "r"}
			if err := s.Send([]Delivery{d}); err != nil {
				t.Fatal(err)
			}
			res, err := s.Recv()
			if err != nil || res[0].GetReceipt() != "hello" {
				t.Errorf("%v %v", res, err)
			}
			stopped := time.Now()
			r.stop()
			if len(r.log.find("plugin did not exit in time: killed")) > 0 {
				t.Errorf("it had to be killed, after %s", time.Since(stopped))
			}
		})
	}
	t.Run("refused settings", func(t *testing.T) {
		r := newNoopRig(t, path)
		r.spec.Settings = []byte(`{"fail_start":"no"}`)
		r.run()
		<-r.done
		refused, ok := errors.AsType[*ConfigError](r.err)
		if !ok || refused.Diagnostics[0].GetPath() != "fail_start" {
			t.Errorf("Run returned %v", r.err)
		}
	})
	t.Run("SIGTERM", func(t *testing.T) { // a service manager may send it to every process of the router
		r := newNoopRig(t, path).ready()
		pid := r.plugin.Status().Pid
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		s := r.session()
		if err := s.Send([]Delivery{{ID: "a", Envelope: envelope(t, "e")}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); err != nil {
			t.Error(err)
		}
		if r.plugin.Status().Pid != pid {
			t.Error("it was restarted")
		}
	})
	t.Run("what is in flight is finished", func(t *testing.T) {
		r := newNoopRig(t, path).ready()
		s := r.session()
		if err := s.Send([]Delivery{{ID: "a", Envelope: envelope(t, "e"), Arguments: []byte(`{"sleep":"300ms"}`)}}); err != nil {
			t.Fatal(err)
		}
		r.cancel()
		res, err := s.Recv()
		if err != nil || res[0].GetId() != "a" {
			t.Errorf("%v %v", res, err)
		}
	})
}

// BenchmarkSession is the data plane alone: a filled window over one stream to the noop plugin, envelopes of 1 KiB.
func BenchmarkSession(b *testing.B) {
	path := buildNoop(b)
	env, err := proto.Marshal(&pointsmanv1.Envelope{Id: "e-1", Source: "lab", Type: strings.Repeat("x", 1000)})
	if err != nil {
		b.Fatal(err)
	}
	for _, batch := range []int{1, 8, 64} {
		b.Run(fmt.Sprint("batch=", batch), func(b *testing.B) {
			r := newNoopRig(b, path).ready()
			s := r.session()
			ds := make([]Delivery, batch)
			for i := range ds {
				ds[i] = Delivery{ID: fmt.Sprint("ABCDEFGH-", i), Attempt: 1, Timeout: 30 * time.Second, Envelope: env, Arguments: []byte(`{}`), Rule: "r"}
			}
			b.SetBytes(int64(len(env)))
			b.ReportAllocs()
			before := cpuTime(b)
			b.ResetTimer()
			pump(b, s, ds)
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "router-cpu-ns/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// cpuTime is what this process has used; unlike the rate it hardly depends on what else the machine does.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// pump sends b.N deliveries, the window full at all times, and takes their results.
func pump(b *testing.B, s *Session, ds []Delivery) {
	credit := make(chan int, s.Window())
	go func() {
		free := s.Window()
		for sent := 0; sent < b.N; {
			n := min(len(ds), b.N-sent)
			for free < n {
				free += <-credit
			}
			if err := s.Send(ds[:n]); err != nil {
				b.Error(err)
				return
			}
			free -= n
			sent += n
		}
	}()
	for got := 0; got < b.N; {
		results, err := s.Recv()
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range results {
			if r.GetOutcome() != pluginv1.Outcome_OUTCOME_DONE {
				b.Fatal(r)
			}
		}
		got += len(results)
		credit <- len(results)
	}
}
