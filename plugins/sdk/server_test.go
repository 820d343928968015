package sdk_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
)

const token = `{"token": "canary-token"}`

const (
	done   = pluginv1.Outcome_OUTCOME_DONE
	retry  = pluginv1.Outcome_OUTCOME_RETRY
	reject = pluginv1.Outcome_OUTCOME_REJECT
)

func do(what string) string { return `{"do": "` + what + `"}` }

func TestOutcomes(t *testing.T) {
	h := plugintest.Start(t, testPlugin(nil), token)
	tests := []struct {
		arguments string
		want      *pluginv1.Result
	}{
		{do("retry"), &pluginv1.Result{Outcome: retry, Message: "down"}},
		{do("retry after"), &pluginv1.Result{Outcome: retry, Message: "post: slow down", RetryAfter: durationpb.New(time.Minute)}},
		{do("reject"), &pluginv1.Result{Outcome: reject, Message: "post: no such room"}},
		{do("reject nothing"), &pluginv1.Result{Outcome: reject, Message: "rejected"}},
		{do("panic"), &pluginv1.Result{Outcome: retry, Message: "panic: at the disco"}},
		{do("leak"), &pluginv1.Result{Outcome: retry, Message: `post "(sensitive)": refused`}},
		{`{}`, &pluginv1.Result{Outcome: reject, Message: "arguments: do: is required"}},
		{`{"do": "ok", "wiat": "1s"}`, &pluginv1.Result{Outcome: reject, Message: "arguments: wiat: unknown name; known are do, wait"}},
		{`{"do": "ok", "wait": 1}`, &pluginv1.Result{Outcome: reject, Message: `arguments: wait: want a duration such as "1m30s", got a number`}},
		{`nonsense`, &pluginv1.Result{Outcome: reject, Message: "arguments: not valid JSON at byte 2"}},
		{do("ok"), &pluginv1.Result{Outcome: done, Receipt: "<id> 1 test event-x test"}},
	}
	var all []string
	for _, tt := range tests {
		all = append(all, tt.arguments)
	}
	env := plugintest.Event()
	env.Id = "event-x"
	byStream := h.Deliver(env, all...)
	byBatch := h.DeliverBatch(env, all...)
	for i, tt := range tests {
		for how, got := range map[string]*pluginv1.Result{"stream": byStream[i], "batch": byBatch[i]} {
			want := proto.CloneOf(tt.want)
			want.Id, want.Receipt = got.GetId(), strings.Replace(want.GetReceipt(), "<id>", got.GetId(), 1)
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("%s by %s (-want +got):\n%s", tt.arguments, how, diff)
			}
		}
	}
	if log := h.Log(); !strings.Contains(log, `"@level":"error"`) || !strings.Contains(log, "main_test.go") || strings.Contains(log, "canary") {
		t.Errorf("the panic's log line misses its level or stack, or has the token: %s", log)
	}
	if got := h.Deliver(plugintest.Event(), do("ok"))[0]; got.GetOutcome() != done {
		t.Errorf("after the panic: %v", got)
	}
}

// TestEffects: they and the receipt count only when the delivery is done.
func TestEffects(t *testing.T) {
	p := testPlugin(nil)
	p.New = func(context.Context, settings, sdk.Instance) (sdk.Handler[arguments], error) {
		return sdk.HandlerFunc[arguments](func(_ context.Context, d *sdk.Delivery[arguments]) error {
			d.SetReceipt("receipt \xff")
			d.AddEffect(&pluginv1.Effect{Effect: &pluginv1.Effect_RoomSend{RoomSend: &pluginv1.RoomSend{ConnectionId: "c"}}})
			if d.Arguments.Do == "fail" {
				return errors.New("no \xff")
			}
			return nil
		}), nil
	}
	h := plugintest.Start(t, p, token)
	got := h.Deliver(plugintest.Event(), do("ok"), do("fail"))
	if len(got[0].GetEffects()) != 1 || got[0].GetEffects()[0].GetRoomSend().GetConnectionId() != "c" || got[0].GetReceipt() != "receipt \uFFFD" {
		t.Errorf("done: %v", got[0])
	}
	if len(got[1].GetEffects()) != 0 || got[1].GetReceipt() != "" || got[1].GetMessage() != "no \uFFFD" {
		t.Errorf("failed: %v", got[1])
	}
}

// TestMany: under load every delivery has exactly one result.
func TestMany(t *testing.T) {
	h := plugintest.Start(t, testPlugin(nil), token)
	var posts sync.WaitGroup
	for range 4 {
		posts.Go(func() {
			for range 50 {
				var ds []*pluginv1.Delivery
				for range 64 {
					ds = append(ds, h.NewDelivery(plugintest.Event(), do("ok")))
				}
				resp, err := h.Client.DeliverBatch(t.Context(), &pluginv1.DeliverBatchRequest{Deliveries: ds})
				if err != nil || len(resp.GetResults()) != len(ds) {
					t.Errorf("%d results for %d deliveries, %v", len(resp.GetResults()), len(ds), err)
				}
			}
		})
	}
	posts.Wait()
}

func TestDeadline(t *testing.T) {
	h := plugintest.Start(t, testPlugin(nil), token)
	h.Timeout = 20 * time.Millisecond
	got := h.Deliver(plugintest.Event(), do("wait"))[0]
	if got.GetOutcome() != retry || got.GetMessage() != "context deadline exceeded" {
		t.Errorf("a rejection with the context's error must be a retry, got %v", got)
	}
	h.Timeout = -time.Second
	if got := h.Deliver(plugintest.Event(), do("wait"))[0]; got.GetOutcome() != retry {
		t.Errorf("a delivery that is late already: %v", got)
	}
}

func TestOutOfOrder(t *testing.T) {
	k := &hooks{started: make(chan string, 1), release: make(chan struct{})}
	h := plugintest.Start(t, testPlugin(k), token)
	slow := h.Post(h.NewDelivery(plugintest.Event(), do("block")))
	<-k.started
	if got := h.Deliver(plugintest.Event(), do("ok"), do("ok")); got[1].GetOutcome() != done {
		t.Errorf("got %v", got)
	}
	close(k.release)
	if got, err := slow(); err != nil || got[0].GetOutcome() != done {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestInFlight: all of MaxInFlight are worked on at once, and one more waits instead of being lost.
func TestInFlight(t *testing.T) {
	k := &hooks{started: make(chan string, 100), release: make(chan struct{})}
	p := testPlugin(k)
	p.MaxInFlight = 8
	h := plugintest.Start(t, p, token)
	if n := h.Description().GetLimits().GetMaxInFlight(); n != 8 {
		t.Fatalf("max_in_flight %d", n)
	}
	var ds []*pluginv1.Delivery
	for range 20 {
		ds = append(ds, h.NewDelivery(plugintest.Event(), do("block")))
	}
	wait := h.Post(ds...)
	for range 8 {
		<-k.started
	}
	select {
	case id := <-k.started:
		t.Errorf("%s is the ninth at once", id)
	default:
	}
	close(k.release)
	results, err := wait()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.GetOutcome() != done {
			t.Errorf("got %v", r)
		}
	}
}

func TestMistakes(t *testing.T) {
	ok := testPlugin(nil)
	for want, change := range map[string]func(*sdk.Plugin[settings, arguments]){
		"plugin name": func(p *sdk.Plugin[settings, arguments]) { p.Name = "Test" },
		"no Doc":      func(p *sdk.Plugin[settings, arguments]) { p.Doc = "" },
		"no New":      func(p *sdk.Plugin[settings, arguments]) { p.New = nil },
		"MaxInFlight": func(p *sdk.Plugin[settings, arguments]) { p.MaxInFlight = -1 },
		"command": func(p *sdk.Plugin[settings, arguments]) {
			p.Commands = []sdk.Command{{Name: "describe", Run: ok.Commands[0].Run}}
		},
	} {
		p := ok
		change(&p)
		if _, err := sdk.NewServer(p, io.Discard, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// poll waits until f is true.
func poll(t *testing.T, f func() bool) {
	t.Helper()
	pollFor(t, func() string { return "it did not happen" }, f)
}

// pollFor is poll that says why it gave up.
func pollFor(t *testing.T, why func() string, f func() bool) {
	t.Helper()
	late := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("after 20 s: %s", why())
		}
	}
}
