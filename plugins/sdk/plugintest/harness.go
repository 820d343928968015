// Package plugintest tests plugins over a real gRPC pair, in the test's own process.
//
//	h := plugintest.Start(t, newPlugin(), `{"url": "http://127.0.0.1:1234"}`)
//	results := h.Deliver(plugintest.Event(), `{"text": "hello"}`)
//
// Run checks the rules that hold for every plugin, and Binary those for the built program.
package plugintest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/durationpb"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

// Patience is how long the harness waits for an answer before it fails the test.
const Patience = 30 * time.Second

// Instance is the name that the harness gives to the plugin.
const Instance = "test"

// Harness is one plugin behind a gRPC connection. It ends with its test.
type Harness struct {
	// Client speaks the protocol itself, for what the methods do not cover.
	Client pluginv1.PluginServiceClient
	// DataDir is the instance's folder.
	DataDir string
	// Timeout of the deliveries that Deliver makes. 0: 10 s. It may be changed between calls.
	Timeout time.Duration

	t      testing.TB
	log    *buffer
	server *sdk.Server
	stream pluginv1.PluginService_DeliverClient
	ids    atomic.Int64

	mu      sync.Mutex
	waiting map[string]chan *pluginv1.Result
	lost    error // why the stream ended
}

// Start runs the plugin and configures it. The test fails if the settings are refused.
func Start[S, A any](t testing.TB, p sdk.Plugin[S, A], settings string) *Harness {
	t.Helper()
	h := Open(t, p)
	for _, d := range h.Configure(settings, false) {
		if d.GetSeverity() == pluginv1.Diagnostic_SEVERITY_ERROR {
			t.Fatalf("the plugin refused its settings: %s: %s %s", d.GetPath(), d.GetSummary(), d.GetDetail())
		}
	}
	return h
}

// Open runs the plugin and does not configure it.
func Open[S, A any](t testing.TB, p sdk.Plugin[S, A]) *Harness {
	t.Helper()
	h := &Harness{t: t, log: &buffer{}, DataDir: t.TempDir(), waiting: map[string]chan *pluginv1.Result{}}
	server, err := sdk.NewServer(p, h.log, "trace")
	if err != nil {
		t.Fatalf("invalid plugin definition: %v", err)
	}
	h.server = server
	conn := h.connect()
	h.Client = pluginv1.NewPluginServiceClient(conn)
	h.openStream(conn)
	return h
}

// connect serves the plugin on an in-memory listener and dials it. Cleanup closes both and then the plugin.
func (h *Harness) connect() *grpc.ClientConn {
	h.t.Helper()
	listener := bufconn.Listen(1 << 20)
	g := grpc.NewServer(h.server.ServerOptions()...)
	h.server.Register(g)
	var served sync.WaitGroup
	served.Go(func() { _ = g.Serve(listener) })
	conn, err := grpc.NewClient("passthrough:plugin",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(handshake.MaxMessageBytes), grpc.MaxCallSendMsgSize(handshake.MaxMessageBytes)))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		_ = conn.Close()
		g.Stop()
		served.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		h.server.Close(ctx)
		if ctx.Err() != nil {
			h.t.Errorf("the plugin did not end: a delivery does not heed its context")
		}
	})
	return conn
}

// openStream starts the Deliver stream and the goroutine that hands its results out.
func (h *Harness) openStream(conn *grpc.ClientConn) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := pluginv1.NewPluginServiceClient(conn).Deliver(ctx)
	if err != nil {
		cancel()
		h.t.Fatal(err)
	}
	h.stream = stream
	var receiving sync.WaitGroup
	receiving.Go(h.receive)
	h.t.Cleanup(func() {
		cancel()
		receiving.Wait()
	})
}

func (h *Harness) receive() {
	for {
		resp, err := h.stream.Recv()
		h.mu.Lock()
		if err != nil {
			h.lost = err
			for id, ch := range h.waiting {
				close(ch)
				delete(h.waiting, id)
			}
			h.mu.Unlock()
			return
		}
		for _, r := range resp.GetResults() {
			if ch := h.waiting[r.GetId()]; ch != nil {
				ch <- r
				delete(h.waiting, r.GetId())
			}
		}
		h.mu.Unlock()
	}
}

// Configure sends settings, a JSON object, and returns the plugin's diagnostics.
func (h *Harness) Configure(settings string, validateOnly bool) []*pluginv1.Diagnostic {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	req := &pluginv1.ConfigureRequest{Instance: Instance, Settings: []byte(settings), ValidateOnly: validateOnly}
	if !validateOnly {
		req.DataDir = h.DataDir
	}
	resp, err := h.Client.Configure(ctx, req)
	if err != nil {
		h.t.Fatalf("configure: %v", err)
	}
	return resp.GetDiagnostics()
}

// NewDelivery makes the first attempt of a delivery with a new id. arguments is a JSON object.
func (h *Harness) NewDelivery(env *pointsmanv1.Envelope, arguments string) *pluginv1.Delivery {
	timeout := h.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	return &pluginv1.Delivery{
		Id: "test-" + strconv.FormatInt(h.ids.Add(1), 10), Attempt: 1, Rule: "test", Timeout: durationpb.New(timeout),
		Envelope: env, Arguments: []byte(arguments),
	}
}

// Deliver sends one delivery for each of the arguments, JSON objects, and returns their results in the same order.
func (h *Harness) Deliver(env *pointsmanv1.Envelope, arguments ...string) []*pluginv1.Result {
	h.t.Helper()
	ds := make([]*pluginv1.Delivery, len(arguments))
	for i, a := range arguments {
		ds[i] = h.NewDelivery(env, a)
	}
	return h.Send(ds...)
}

// Send sends deliveries in one message and returns their results in the same order. Their ids must differ.
func (h *Harness) Send(ds ...*pluginv1.Delivery) []*pluginv1.Result {
	h.t.Helper()
	results, err := h.Post(ds...)()
	if err != nil {
		h.t.Fatal(err)
	}
	return results
}

// Post sends deliveries like Send. It does not wait; the function that it returns does.
func (h *Harness) Post(ds ...*pluginv1.Delivery) (wait func() ([]*pluginv1.Result, error)) {
	h.t.Helper()
	chans := h.register(ds)
	if err := h.stream.Send(&pluginv1.DeliverRequest{Deliveries: ds}); err != nil {
		h.t.Fatalf("deliver: %v", err)
	}
	return func() ([]*pluginv1.Result, error) {
		results := make([]*pluginv1.Result, len(ds))
		for i, ch := range chans {
			r, err := h.await(ch)
			if err != nil {
				return nil, fmt.Errorf("delivery %s: %w", ds[i].GetId(), err)
			}
			results[i] = r
		}
		return results, nil
	}
}

// register makes a channel for the result of each delivery.
func (h *Harness) register(ds []*pluginv1.Delivery) []chan *pluginv1.Result {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lost != nil {
		h.t.Fatalf("the stream has ended: %v", h.lost)
	}
	chans := make([]chan *pluginv1.Result, len(ds))
	for i, d := range ds {
		if h.waiting[d.GetId()] != nil {
			h.t.Fatalf("two deliveries under way have the id %s", d.GetId())
		}
		chans[i] = make(chan *pluginv1.Result, 1)
		h.waiting[d.GetId()] = chans[i]
	}
	return chans
}

func (h *Harness) await(ch chan *pluginv1.Result) (*pluginv1.Result, error) {
	late := time.NewTimer(Patience)
	defer late.Stop()
	select {
	case r, ok := <-ch:
		if !ok {
			return nil, fmt.Errorf("the stream ended before its result: %w", h.why())
		}
		return r, nil
	case <-late.C:
		return nil, fmt.Errorf("no result after %s", Patience)
	}
}

func (h *Harness) why() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lost
}

// DeliverBatch is Deliver with the unary call.
func (h *Harness) DeliverBatch(env *pointsmanv1.Envelope, arguments ...string) []*pluginv1.Result {
	h.t.Helper()
	req := &pluginv1.DeliverBatchRequest{}
	for _, a := range arguments {
		req.Deliveries = append(req.Deliveries, h.NewDelivery(env, a))
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	resp, err := h.Client.DeliverBatch(ctx, req)
	if err != nil {
		h.t.Fatalf("deliver batch: %v", err)
	}
	results, err := inOrder(req.GetDeliveries(), resp.GetResults())
	if err != nil {
		h.t.Fatal(err)
	}
	return results
}

// inOrder sorts results in the order of their deliveries and checks that each delivery has one.
func inOrder(ds []*pluginv1.Delivery, rs []*pluginv1.Result) ([]*pluginv1.Result, error) {
	byID := map[string]*pluginv1.Result{}
	for _, r := range rs {
		byID[r.GetId()] = r
	}
	if len(byID) != len(ds) || len(rs) != len(ds) {
		return nil, errors.New("the results are not one for each delivery")
	}
	out := make([]*pluginv1.Result, len(ds))
	for i, d := range ds {
		if out[i] = byID[d.GetId()]; out[i] == nil {
			return nil, fmt.Errorf("no result for delivery %s", d.GetId())
		}
	}
	return out, nil
}

// Drain tells the plugin that no more deliveries will arrive, and waits until it has finished those in progress.
func (h *Harness) Drain(timeout time.Duration) {
	h.t.Helper()
	if err := h.drain(timeout); err != nil {
		h.t.Fatalf("drain: %v", err)
	}
}

func (h *Harness) drain(timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	_, err := h.Client.Drain(ctx, &pluginv1.DrainRequest{Timeout: durationpb.New(timeout)})
	return err
}

// Description returns the plugin's description.
func (h *Harness) Description() *pluginv1.DescribeResponse { return h.server.Description() }

// Log returns the plugin's log so far: one JSON object per line, all levels.
func (h *Harness) Log() string { return h.log.String() }
