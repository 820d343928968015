package sdk_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
)

// BenchmarkStream sends deliveries through a plugin that does nothing, the way the router does: in batches of up to 64,
// within the credit window, over an in-memory connection. Router's side and plugin's side share the machine, and both are
// in the result.
func BenchmarkStream(b *testing.B) {
	for _, window := range []int{64, 256, 1024} {
		b.Run(fmt.Sprintf("window=%d", window), func(b *testing.B) { benchmarkStream(b, window) })
	}
}

type nothing struct{}

func (nothing) Deliver(context.Context, *sdk.Delivery[arguments]) error { return nil }

func benchmarkStream(b *testing.B, window int) {
	p := testPlugin(nil)
	p.MaxInFlight = window
	p.New = func(context.Context, settings, sdk.Instance) (sdk.Handler[arguments], error) { return nothing{}, nil }
	h := plugintest.Start(b, p, token)
	stream, err := h.Client.Deliver(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	env := plugintest.Event()
	env.Body = make([]byte, 700)
	batch := make([]*pluginv1.Delivery, 64)
	for i := range batch {
		batch[i] = &pluginv1.Delivery{
			Id: fmt.Sprintf("abcdefgh-%d", i), Attempt: 1, Rule: "bench", Envelope: env,
			Timeout: durationpb.New(30 * time.Second), Arguments: []byte(do("ok")),
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime(b)
	messages, free, sent, got := 0, window, 0, 0
	for got < b.N {
		for sent < b.N && free > 0 {
			n := min(len(batch), free, b.N-sent)
			if err := stream.Send(&pluginv1.DeliverRequest{Deliveries: batch[:n]}); err != nil {
				b.Fatal(err)
			}
			sent, free = sent+n, free-n
		}
		resp, err := stream.Recv()
		if err != nil {
			b.Fatal(err)
		}
		messages++
		got, free = got+len(resp.GetResults()), free+len(resp.GetResults())
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op") // steady on a busy machine
	b.ReportMetric(float64(b.N)/float64(messages), "results/message")
}

// cpuTime is what the process has used so far, both sides of the connection together.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
