package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// streamLink is the Deliver stream.
type streamLink struct{ stream grpc.ClientStream }

func openStream(ctx context.Context, conn *grpc.ClientConn) (streamLink, error) {
	desc := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	stream, err := conn.NewStream(ctx, desc, pluginv1.PluginService_Deliver_FullMethodName, callCodec())
	return streamLink{stream}, err
}

func (l streamLink) send(ds []Delivery) error {
	err := l.stream.SendMsg(ds)
	if errors.Is(err, io.EOF) {
		return nil // the stream has ended; RecvMsg returns the reason
	}
	return err
}

func (l streamLink) recv() ([]*pluginv1.Result, error) {
	resp := new(pluginv1.DeliverResponse)
	if err := l.stream.RecvMsg(resp); err != nil {
		return nil, err
	}
	return resp.GetResults(), nil
}

// batchCalls is how many DeliverBatch calls run at a time.
const batchCalls = 4

// callMargin is added to the longest timeout of a batch for the call as a whole.
const callMargin = 5 * time.Second

// batchLink makes a call of DeliverBatch for every message.
type batchLink struct {
	ctx     context.Context
	conn    *grpc.ClientConn
	slots   chan struct{}
	results chan []*pluginv1.Result
	broken  chan error
}

func newBatchLink(ctx context.Context, conn *grpc.ClientConn) *batchLink {
	return &batchLink{
		ctx: ctx, conn: conn,
		slots:   make(chan struct{}, batchCalls),
		results: make(chan []*pluginv1.Result),
		broken:  make(chan error, 1),
	}
}

// send starts a call and returns. It blocks while batchCalls calls are running.
func (l *batchLink) send(ds []Delivery) error {
	select {
	case l.slots <- struct{}{}:
	case <-l.ctx.Done():
		return l.ctx.Err()
	}
	ds = append([]Delivery(nil), ds...) // the caller reuses its slice after send returns
	go func() {
		defer func() { <-l.slots }()
		results, err := l.call(ds)
		if err != nil {
			select {
			case l.broken <- err:
			default:
			}
			return
		}
		select {
		case l.results <- results:
		case <-l.ctx.Done():
		}
	}()
	return nil
}

func (l *batchLink) recv() ([]*pluginv1.Result, error) {
	select {
	case r := <-l.results:
		return r, nil
	case err := <-l.broken:
		return nil, err
	case <-l.ctx.Done():
		return nil, l.ctx.Err()
	}
}

// call makes one call and returns a result for every delivery: a RETRY for those that the plugin gave none, because their
// outcome is unknown. It returns an error only for a lost connection.
func (l *batchLink) call(ds []Delivery) ([]*pluginv1.Result, error) {
	ctx, cancel := l.ctx, func() {}
	if longest := longestTimeout(ds); longest > 0 {
		ctx, cancel = context.WithTimeout(ctx, longest+callMargin)
	}
	defer cancel()
	resp := new(pluginv1.DeliverBatchResponse)
	err := l.conn.Invoke(ctx, pluginv1.PluginService_DeliverBatch_FullMethodName, ds, resp, callCodec())
	if status.Code(err) == codes.Unavailable || l.ctx.Err() != nil {
		return nil, err
	}
	unknown := "the plugin answered a batch without a result for this delivery"
	if err != nil {
		unknown = fmt.Sprintf("the plugin failed a whole batch: %v", err)
	}
	return complete(ds, resp.GetResults(), unknown), nil
}

func longestTimeout(ds []Delivery) time.Duration {
	var longest time.Duration
	for i := range ds {
		longest = max(longest, ds[i].Timeout)
	}
	return longest
}

// complete adds a RETRY for every delivery that has no result.
func complete(ds []Delivery, results []*pluginv1.Result, message string) []*pluginv1.Result {
	have := make(map[string]bool, len(results))
	for _, r := range results {
		have[r.GetId()] = true
	}
	for i := range ds {
		if !have[ds[i].ID] {
			results = append(results, &pluginv1.Result{Id: ds[i].ID, Outcome: pluginv1.Outcome_OUTCOME_RETRY, Message: message})
		}
	}
	return results
}
