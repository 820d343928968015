package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

func envelope(tb testing.TB, id string) []byte {
	tb.Helper()
	b, err := proto.Marshal(&pointsmanv1.Envelope{Id: id, Source: "lab", Type: "t"})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestSessionDelivers sends by stream and by DeliverBatch: every delivery arrives whole and is answered once, in batches of any
// size.
func TestSessionDelivers(t *testing.T) {
	for _, mode := range []string{"ok", "batch"} {
		t.Run(mode, func(t *testing.T) {
			r := newRig(t, mode).ready()
			s := r.session()
			const n = 200 // less than the window, more than a batch
			var ds []Delivery
			for i := range n {
				id := fmt.Sprint("d-", i)
				ds = append(ds, Delivery{ID: id, Attempt: 2, Timeout: time.Minute, Envelope: envelope(t, id), Arguments: []byte(`{"n":1}`), Rule: "echo"})
			}
			if err := s.Send(ds); err != nil {
				t.Fatal(err)
			}
			got := map[string]bool{}
			for len(got) < n {
				results, err := s.Recv()
				if err != nil {
					t.Fatal(err)
				}
				for _, res := range results {
					if want := "2 1m0s " + res.GetId() + ` {"n":1}`; res.GetReceipt() != want {
						t.Fatalf("receipt is %q, want %q", res.GetReceipt(), want)
					}
					if got[res.GetId()] {
						t.Fatalf("%s is answered twice", res.GetId())
					}
					got[res.GetId()] = true
				}
			}
		})
	}
}

func TestSessionLimits(t *testing.T) {
	tests := []struct {
		limits        *pluginv1.Limits
		concurrency   int
		window, batch int
	}{
		{nil, 0, 64, 64},
		{&pluginv1.Limits{MaxInFlight: 1000, MaxBatch: 10}, 0, 1000, 10},
		{&pluginv1.Limits{MaxInFlight: 1000, MaxBatch: 10}, 4, 4, 4},
		{&pluginv1.Limits{MaxInFlight: 2}, 100, 2, 2},
		{&pluginv1.Limits{MaxInFlight: 1 << 31, MaxBatch: 1 << 31}, 0, 1 << 20, 64},
	}
	for _, tt := range tests {
		r := newRig(t, "ok")
		r.spec.Concurrency = tt.concurrency
		i, err := startInstance(t.Context(), r.spec, r.options, r.timing, new(history))
		if err != nil {
			t.Fatal(err)
		}
		i.desc.Limits = tt.limits
		s, err := i.openSession()
		if err != nil {
			t.Fatal(err)
		}
		if s.Window() != tt.window || s.MaxBatch() != tt.batch {
			t.Errorf("%v with concurrency %d: window %d and batch %d, want %d and %d", tt.limits, tt.concurrency, s.Window(), s.MaxBatch(), tt.window, tt.batch)
		}
		i.end()
	}
}

// A batch that fails as a whole, and deliveries that a batch forgot, are tried again and do not end the process.
func TestSessionBatchWithoutResults(t *testing.T) {
	for mode, want := range map[string]string{"batch-fails": "Exception calling application", "batch": "without a result"} {
		t.Run(mode, func(t *testing.T) {
			r := newRig(t, mode).ready()
			res, err := r.deliver(r.session(), "forget")
			if err != nil {
				t.Fatal(err)
			}
			if res.GetOutcome() != pluginv1.Outcome_OUTCOME_RETRY || !strings.Contains(res.GetMessage(), want) {
				t.Errorf("result is %v", res)
			}
		})
	}
}

func TestSessionIsAlone(t *testing.T) {
	r := newRig(t, "ok").ready()
	s := r.session()
	if _, err := r.plugin.Session(t.Context()); !errors.Is(err, errSessionOpen) {
		t.Errorf("a second session: %v", err)
	}
	s.Close()
	if _, err := s.Recv(); !errors.Is(err, ErrStopped) {
		t.Errorf("Recv after Close returned %v", err)
	}
	if err := s.Send([]Delivery{{ID: "x"}}); !errors.Is(err, ErrStopped) {
		t.Errorf("Send after Close returned %v", err)
	}
	if _, err := r.deliver(r.session(), "echo"); err != nil {
		t.Errorf("a session after it: %v", err)
	}
	if st := r.plugin.Status(); st.State != Ready || st.LastError != nil {
		t.Errorf("closing a session changed the plugin: %+v", st)
	}
}

// A plugin that ends its stream, with its process alive, is restarted.
func TestSessionStreamEnds(t *testing.T) {
	r := newRig(t, "ok")
	r.timing.exit = 50 * time.Millisecond
	r.ready()
	lost := r.mustLose(r.session(), "end-stream")
	if lost.Reason != reasonStream || !lost.Crashed() || !strings.Contains(lost.Detail, "had enough") {
		t.Errorf("lost with %+v", lost)
	}
	if _, err := r.deliver(r.session(), "echo"); err != nil {
		t.Errorf("the next process: %v", err)
	}
}

// Announcing a stream without implementing it breaks the contract; no delivery can be the cause.
func TestSessionWithoutAnnouncedStream(t *testing.T) {
	r := newRig(t, "nostream")
	r.timing.exit = 50 * time.Millisecond
	r.ready()
	lost := r.mustLose(r.session(), "echo")
	if lost.Reason != reasonContract || lost.Crashed() || !strings.Contains(lost.Error(), "does not implement Deliver") {
		t.Errorf("lost with %+v", lost)
	}
}

func TestSessionNeedsNoProcessToGiveUp(t *testing.T) {
	r := newRig(t, "ok").ready()
	r.session()
	ctx, cancel := context.WithCancel(t.Context())
	r.stop()
	cancel()
	if _, err := r.plugin.Session(ctx); !errors.Is(err, ErrStopped) && !errors.Is(err, context.Canceled) {
		t.Errorf("Session returned %v", err)
	}
}

// A plugin's records keep their level, time and keys, and cannot pass for another plugin's.
func TestLogRecord(t *testing.T) {
	r := newRig(t, "ok").ready()
	if _, err := r.deliver(r.session(), "log"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the record is in the log", func() bool { return len(r.log.find("something is odd")) == 1 })
	rec := r.log.find("something is odd")[0]
	for k, want := range map[string]any{
		"level": "WARN", "host": "example.org", "n": 5.0, "plugin": "p", "plugin_plugin": "other", "pid": float64(r.plugin.Status().Pid),
	} {
		if rec[k] != want {
			t.Errorf("%s is %v, want %v", k, rec[k], want)
		}
	}
}
