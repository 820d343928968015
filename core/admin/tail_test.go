package admin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	grpccodes "google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// tail begins a tail and returns when it misses nothing any more.
func (r *rig) tail(req *adminv1.TailEventsRequest) (grpc.ServerStreamingClient[adminv1.TailEventsResponse], context.CancelFunc) {
	r.Helper()
	ctx, cancel := context.WithCancel(r.Context())
	r.Cleanup(cancel)
	stream, err := r.grpc("unix://"+r.socket).TailEvents(ctx, req)
	if err != nil {
		r.Fatal(err)
	}
	if _, err := stream.Header(); err != nil {
		r.Fatal(err)
	}
	return stream, cancel
}

// next returns the next message of a tail.
func (r *rig) next(stream grpc.ServerStreamingClient[adminv1.TailEventsResponse]) *adminv1.TailEventsResponse {
	r.Helper()
	m, err := stream.Recv()
	if err != nil {
		r.Fatal(err)
	}
	return m
}

func TestTail(t *testing.T) {
	r := newRig(t)
	if r.feed.Active() {
		t.Error("active without a tail")
	}
	stream, cancel := r.tail(&adminv1.TailEventsRequest{})
	if !r.feed.Active() {
		t.Error("not active")
	}
	seq := r.store(given{source: "lab", typ: "t", deliveries: []journal.NewDelivery{to("ops")}})[0]
	r.feed.EventStored(seq)
	if e := r.next(stream).GetEvent(); e.GetNumber() != seq || e.GetState() != adminv1.EventState_EVENT_STATE_PENDING {
		t.Errorf("event %v", e)
	}
	r.feed.EventStored(9999) // deleted already
	for _, s := range []journal.Settlement{{Outcome: journal.Retry, Error: "refused"}, {Outcome: journal.Done, Receipt: "sent"}} {
		d := r.settle("ops", 1, s)[0]
		r.feed.DeliverySettled(d.Seq)
		got := r.next(stream)
		if m := got.GetDelivery(); m.GetId() != d.ID || m.GetError() != s.Error || m.GetReceipt() != s.Receipt || m.GetArgumentsJson() != "" || got.GetLeftOut() != 0 {
			t.Errorf("delivery %v", got)
		}
	}
	cancel()
	if _, err := stream.Recv(); grpcstatus.Code(err) != grpccodes.Canceled {
		t.Errorf("after the client went away: %v", err)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if r.feed.Active() {
		t.Error("still active")
	}
}

func TestTailFilter(t *testing.T) {
	for name, tt := range map[string]struct {
		filter *adminv1.EventFilter
		want   string
	}{
		"everything":       {nil, "event 1, event 2, event 3, delivery to ops of 1, delivery to mail of 2"},
		"source":           {&adminv1.EventFilter{Source: "lab"}, "event 1, event 3, delivery to ops of 1"},
		"plugin":           {&adminv1.EventFilter{Plugin: "mail"}, "event 2, delivery to mail of 2"},
		"rule":             {&adminv1.EventFilter{Rule: "to-ops"}, "event 1, delivery to ops of 1"},
		"rule and plugin":  {&adminv1.EventFilter{Rule: "to-ops", Plugin: "mail"}, ""},
		"type":             {&adminv1.EventFilter{TypePrefix: "s3."}, "event 1, delivery to ops of 1"},
		"state":            {&adminv1.EventFilter{State: adminv1.EventState_EVENT_STATE_UNMATCHED}, "event 3"},
		"match":            {&adminv1.EventFilter{Match: "s3.put"}, "event 1, delivery to ops of 1"},
		"match that fails": {&adminv1.EventFilter{Match: "fails"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			stream, _ := r.tail(&adminv1.TailEventsRequest{Filter: tt.filter})
			r.store(
				given{source: "lab", typ: "s3.put", deliveries: []journal.NewDelivery{to("ops")}},
				given{source: "room", typ: "ws.message", deliveries: []journal.NewDelivery{to("mail")}},
				given{source: "lab", typ: "sns.message"},
			)
			ops, mail := r.settle("ops", 1, journal.Settlement{Outcome: journal.Done})[0], r.settle("mail", 1, journal.Settlement{Outcome: journal.Done})[0]
			for seq := range int64(3) {
				r.feed.EventStored(seq + 1)
			}
			r.feed.DeliverySettled(ops.Seq)
			r.feed.DeliverySettled(mail.Seq)
			var got []string
			for range strings.Count(tt.want, " ") {
				if len(got) == len(strings.Split(tt.want, ", ")) {
					break
				}
				switch m := r.next(stream); {
				case m.GetEvent() != nil:
					got = append(got, fmt.Sprint("event ", m.GetEvent().GetNumber()))
				default:
					got = append(got, fmt.Sprintf("delivery to %s of %d", m.GetDelivery().GetPlugin(), m.GetDelivery().GetEventNumber()))
				}
			}
			if strings.Join(got, ", ") != tt.want {
				t.Errorf("got %v, want %s", got, tt.want)
			}
			if err := r.stop(); err != nil { // Nothing else may have come until the end.
				t.Fatal(err)
			}
			if m, err := stream.Recv(); err == nil {
				t.Errorf("one more: %v", m)
			}
		})
	}
}

// TestTailUnderFlood publishes far more than a tail may send. Whoever publishes is not held up, and every item is either sent or
// counted.
func TestTailUnderFlood(t *testing.T) {
	const flood = 20_000
	r := newRig(t)
	seq := r.store(given{source: "lab", typ: "t"})[0]
	stream, _ := r.tail(&adminv1.TailEventsRequest{MaxRate: 50})
	var publishers sync.WaitGroup
	for range 4 {
		publishers.Go(func() {
			for range flood / 4 {
				r.feed.EventStored(seq)
			}
		})
	}
	publishers.Wait() // returns although nobody has received anything yet
	var sent, leftOut int64
	for sent+leftOut < flood {
		m := r.next(stream)
		leftOut += m.GetLeftOut()
		if m.GetEvent() != nil {
			sent++
		}
	}
	if sent+leftOut != flood || sent < 50 || leftOut == 0 {
		t.Errorf("%d sent and %d left out of %d", sent, leftOut, flood)
	}
}

// TestStopEndsTails checks that a stop waits for no tail, in any protocol.
func TestStopEndsTails(t *testing.T) {
	r := newRig(t)
	stream, _ := r.tail(&adminv1.TailEventsRequest{})
	overJSON, err := adminv1connect.NewAdminServiceClient(r.http, "http://localhost", connect.WithProtoJSON()).
		TailEvents(t.Context(), connect.NewRequest(&adminv1.TailEventsRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	defer overJSON.Close()
	over := newRequest(t, "http://"+r.address+adminv1connect.AdminServiceTailEventsProcedure)
	resp, err := http.DefaultClient.Do(over)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); grpcstatus.Code(err) != grpccodes.Unavailable || !strings.Contains(err.Error(), "the router is stopping") {
		t.Errorf("gRPC: %v", err)
	}
	if overJSON.Receive() || connect.CodeOf(overJSON.Err()) != connect.CodeUnavailable {
		t.Errorf("Connect: %v", overJSON.Err())
	}
}

// newRequest is a request of Connect's streaming protocol with an empty message.
func newRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader("\x00\x00\x00\x00\x02{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/connect+json")
	req.Header.Set("Authorization", "Bearer "+testToken)
	return req
}

func TestTooManyTails(t *testing.T) {
	r := newRig(t)
	for range maxTails {
		tail, err := r.feed.listen()
		if err != nil {
			t.Fatal(err)
		}
		defer r.feed.leave(tail)
	}
	stream, err := r.grpc("unix://"+r.socket).TailEvents(t.Context(), &adminv1.TailEventsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); grpcstatus.Code(err) != grpccodes.ResourceExhausted {
		t.Errorf("one too many: %v", err)
	}
	for rate, text := range map[int32]string{-1: "max_rate is -1", 1001: "from 1 to 1000"} {
		stream, err := r.grpc("unix://"+r.socket).TailEvents(t.Context(), &adminv1.TailEventsRequest{MaxRate: rate})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); grpcstatus.Code(err) != grpccodes.InvalidArgument || !strings.Contains(err.Error(), text) {
			t.Errorf("max_rate %d: %v", rate, err)
		}
	}
}

func TestFeed(t *testing.T) {
	f := NewFeed()
	f.EventStored(1) // nobody listens
	first, err := f.listen()
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.listen()
	if err != nil {
		t.Fatal(err)
	}
	f.EventStored(2)
	f.leave(first)
	f.DeliverySettled(3)
	if got := <-first.changes; got != (change{event: 2}) || len(first.changes) != 0 {
		t.Errorf("the first has %v and %d more", got, len(first.changes))
	}
	if a, b := <-second.changes, <-second.changes; a != (change{event: 2}) || b != (change{delivery: 3}) {
		t.Errorf("the second has %v and %v", a, b)
	}
	for range feedBuffer + 5 {
		f.EventStored(4)
	}
	if n := second.leftOut.Load(); n != 5 {
		t.Errorf("%d left out, want 5", n)
	}
	f.leave(second)
	f.leave(second)
	if f.Active() {
		t.Error("active, and nobody listens")
	}
}

// BenchmarkPublish is what the data path pays for each event.
func BenchmarkPublish(b *testing.B) {
	for _, tails := range []int{0, 1, maxTails} {
		b.Run(fmt.Sprintf("%d tails", tails), func(b *testing.B) {
			f := NewFeed()
			for range tails {
				if _, err := f.listen(); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				f.EventStored(1)
			}
		})
	}
}
