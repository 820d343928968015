package sdk_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
)

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
