package sdk_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

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

func TestNotConfigured(t *testing.T) {
	h := plugintest.Open(t, testPlugin(nil))
	for _, got := range append(h.Deliver(plugintest.Event(), do("ok")), h.DeliverBatch(plugintest.Event(), do("ok"))...) {
		if got.GetOutcome() != retry || !strings.Contains(got.GetMessage(), "no settings yet") {
			t.Errorf("got %v", got)
		}
	}
	h.Drain(time.Second)
}

func TestConfigure(t *testing.T) {
	problem := func(path, summary string) *pluginv1.Diagnostic {
		return &pluginv1.Diagnostic{Severity: pluginv1.Diagnostic_SEVERITY_ERROR, Path: path, Summary: summary}
	}
	tests := []struct {
		name, settings string
		want           []*pluginv1.Diagnostic
	}{
		{"schema", `{"server": {"port": "x", "prot": 1}}`, []*pluginv1.Diagnostic{
			problem("server.port", "want a number, got a string"), problem("server.prot", "unknown name; known are port"), problem("token", "is required"),
		}},
		{"check", `{"token": "canary-token", "server": {"port": 0}}`, []*pluginv1.Diagnostic{
			{Severity: pluginv1.Diagnostic_SEVERITY_ERROR, Path: "server.port", Summary: "want a port", Detail: "From 1 to 65535."},
		}},
		{"new", `{"token": "canary-token", "refuse": "no: "}`, []*pluginv1.Diagnostic{problem("", "no: (sensitive)")}},
		{"new, several", `{"token": "canary-token", "refuse": "several"}`, []*pluginv1.Diagnostic{problem("token", "one"), problem("server.port", "two")}},
		{"new panics", `{"token": "canary-token", "refuse": "panic"}`, []*pluginv1.Diagnostic{problem("", "panic: cannot start: (sensitive)")}},
		{"warning", `{"token": "canary-token", "server": {"port": 80}}`, []*pluginv1.Diagnostic{
			{Severity: pluginv1.Diagnostic_SEVERITY_WARNING, Path: "server.port", Summary: "is not encrypted"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := plugintest.Open(t, testPlugin(nil))
			if diff := cmp.Diff(tt.want, h.Configure(tt.settings, false), protocmp.Transform()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			works := h.Deliver(plugintest.Event(), do("ok"))[0].GetOutcome() == done
			if works != (tt.name == "warning") {
				t.Errorf("the plugin runs: %v", works)
			}
			if strings.Contains(h.Log(), "canary") {
				t.Errorf("the log shows the token: %s", h.Log())
			}
		})
	}
}

func TestValidateOnly(t *testing.T) {
	p := testPlugin(nil)
	p.New = func(context.Context, settings, sdk.Instance) (sdk.Handler[arguments], error) {
		t.Error("New was called")
		return nil, errors.New("no")
	}
	h := plugintest.Open(t, p)
	if ds := h.Configure(token, true); len(ds) > 0 {
		t.Errorf("got %v", ds)
	}
	if ds := h.Configure(`{"token": "x", "server": {"port": 0}}`, true); len(ds) != 1 {
		t.Errorf("got %v", ds)
	}
}

func TestConfigureTwice(t *testing.T) {
	h := plugintest.Start(t, testPlugin(nil), token)
	if ds := h.Configure(token, false); len(ds) != 1 || !strings.Contains(ds[0].GetSummary(), "already") {
		t.Errorf("got %v", ds)
	}
}

func TestDrain(t *testing.T) {
	k := &hooks{started: make(chan string, 3), release: make(chan struct{}), events: make(chan string, 10)}
	h := plugintest.Start(t, testPlugin(k), token)
	wait := h.Post(h.NewDelivery(plugintest.Event(), do("block")), h.NewDelivery(plugintest.Event(), do("block")))
	<-k.started
	<-k.started
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		h.Drain(10 * time.Second)
	}()
	poll(t, func() bool { // the drain has begun when it refuses
		return h.Deliver(plugintest.Event(), do("ok"))[0].GetOutcome() == retry
	})
	select {
	case <-drained:
		t.Fatal("drained with two deliveries under way")
	default:
	}
	close(k.release)
	<-drained
	results, err := wait()
	if err != nil || results[0].GetOutcome() != done || results[1].GetOutcome() != done {
		t.Errorf("got %v, %v", results, err)
	}
	if a, b := <-k.events, <-k.events; a != "flush" || b != "close" {
		t.Errorf("hooks: %s, %s", a, b)
	}
	h.Drain(time.Second)
	select {
	case e := <-k.events:
		t.Errorf("%s was called twice", e)
	default:
	}
}

// TestDrainCancels: what does not end by itself is cancelled in time to be answered.
func TestDrainCancels(t *testing.T) {
	k := &hooks{started: make(chan string, 1)}
	h := plugintest.Start(t, testPlugin(k), token)
	wait := h.Post(h.NewDelivery(plugintest.Event(), do("wait")))
	<-k.started
	h.Drain(100 * time.Millisecond)
	results, err := wait()
	if err != nil || results[0].GetOutcome() != retry || results[0].GetMessage() != "context canceled" {
		t.Errorf("got %v, %v", results, err)
	}
}

// TestStreamEnds: the router closes its side while a delivery is under way; the answer still comes.
func TestStreamEnds(t *testing.T) {
	k := &hooks{started: make(chan string, 1), release: make(chan struct{})}
	h := plugintest.Start(t, testPlugin(k), token)
	stream, err := h.Client.Deliver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d := h.NewDelivery(plugintest.Event(), do("block"))
	if err := stream.Send(&pluginv1.DeliverRequest{Deliveries: []*pluginv1.Delivery{d}}); err != nil {
		t.Fatal(err)
	}
	<-k.started
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	close(k.release)
	resp, err := stream.Recv()
	if err != nil || len(resp.GetResults()) != 1 || resp.GetResults()[0].GetId() != d.GetId() {
		t.Errorf("got %v, %v", resp, err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end", err)
	}
}

// TestStreamLost: deliveries of a stream that is lost are cancelled, and the plugin goes on with the next stream.
func TestStreamLost(t *testing.T) {
	h := plugintest.Start(t, testPlugin(nil), token)
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := h.Client.Deliver(ctx)
	if err != nil {
		t.Fatal(err)
	}
	d := h.NewDelivery(plugintest.Event(), do("wait"))
	d.Timeout = nil
	if err := stream.Send(&pluginv1.DeliverRequest{Deliveries: []*pluginv1.Delivery{d, h.NewDelivery(plugintest.Event(), do("ok"))}}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil { // of the second: both have arrived
		t.Fatal(err)
	}
	cancel()
	h.Drain(20 * time.Second) // returns when the first has ended
	if log := h.Log(); strings.Contains(log, "did not end") {
		t.Errorf("log: %s", log)
	}
}

// batchHandler says how many deliveries a call got, then waits for the answer to give.
type batchHandler struct {
	got    chan int
	answer chan func(n int) []error
}

func (b *batchHandler) Deliver(context.Context, *sdk.Delivery[arguments]) error {
	panic("not for a batch handler")
}

func (b *batchHandler) DeliverBatch(_ context.Context, ds []*sdk.Delivery[arguments]) []error {
	b.got <- len(ds)
	return (<-b.answer)(len(ds))
}

func startBatch(t *testing.T) (*batchHandler, *plugintest.Harness) {
	b := &batchHandler{got: make(chan int), answer: make(chan func(int) []error)}
	p := testPlugin(nil)
	p.MaxBatch = 3
	p.New = func(context.Context, settings, sdk.Instance) (sdk.Handler[arguments], error) { return b, nil }
	return b, plugintest.Start(t, p, token)
}

func TestBatch(t *testing.T) {
	b, h := startBatch(t)
	post := func(n int) func() ([]*pluginv1.Result, error) {
		var ds []*pluginv1.Delivery
		for range n {
			ds = append(ds, h.NewDelivery(plugintest.Event(), do("ok")))
		}
		return h.Post(ds...)
	}
	lastFails := func(n int) []error {
		errs := make([]error, n)
		errs[n-1] = sdk.Reject(errors.New("the last one"))
		return errs
	}
	first := post(1)
	if n := <-b.got; n != 1 {
		t.Fatalf("the first batch has %d", n)
	}
	rest := post(7) // while the first is under way: calls do not overlap
	b.answer <- lastFails
	batches := 0
	for got := 0; got < 7; batches++ {
		n := <-b.got
		if n > 3 {
			t.Errorf("a batch of %d", n)
		}
		got += n
		b.answer <- lastFails
	}
	rejected := 0
	for _, wait := range []func() ([]*pluginv1.Result, error){first, rest} {
		rs, err := wait()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rs {
			if r.GetOutcome() == reject {
				rejected++
			}
		}
	}
	if rejected != batches+1 {
		t.Errorf("%d rejected, want the last of each of %d batches", rejected, batches+1)
	}
}

func TestBatchAnswers(t *testing.T) {
	b, h := startBatch(t)
	tests := []struct {
		name    string
		answer  func(n int) []error
		outcome pluginv1.Outcome
		message string
	}{
		{"nil means done", func(int) []error { return nil }, done, ""},
		{"wrong number", func(n int) []error { return make([]error, n+1) }, retry, "2 errors for 1"},
		{"panic", func(int) []error { panic("batch") }, retry, "panic: batch"},
		{"goexit", func(int) []error { runtime.Goexit(); return nil }, retry, "Goexit"},
		{"still works", func(n int) []error { return make([]error, n) }, done, ""},
	}
	for _, tt := range tests {
		wait := h.Post(h.NewDelivery(plugintest.Event(), `{}`), h.NewDelivery(plugintest.Event(), do("ok")))
		<-b.got // the first is refused without the handler, in the same batch or before it
		b.answer <- tt.answer
		rs, err := wait()
		if err != nil {
			t.Fatal(err)
		}
		if rs[1].GetOutcome() != tt.outcome || !strings.Contains(rs[1].GetMessage(), tt.message) {
			t.Errorf("%s: got %v", tt.name, rs[1])
		}
		if tt.name != "goexit" && rs[0].GetMessage() != "arguments: do: is required" {
			t.Errorf("%s: got %v", tt.name, rs[0])
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
