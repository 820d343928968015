package sdk_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
)

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
	if got := len(k.events); got != 1 {
		t.Errorf("%d hooks before the deliveries ended, want drain alone", got)
	}
	close(k.release)
	<-drained
	results, err := wait()
	if err != nil || results[0].GetOutcome() != done || results[1].GetOutcome() != done {
		t.Errorf("got %v, %v", results, err)
	}
	if a, b, c := <-k.events, <-k.events, <-k.events; a != "drain" || b != "flush" || c != "close" {
		t.Errorf("hooks: %s, %s, %s", a, b, c)
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
