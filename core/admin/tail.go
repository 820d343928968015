package admin

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/time/rate"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

const (
	defaultTailRate = 200  // messages a second
	maxTailRate     = 1000 // what a client may ask for
	// tailReads is how many records a second all tails together read from the journal, so that they never hold it up.
	tailReads = 2000
	// leftOutEvery is how often a tail without other messages reports what it left out.
	leftOutEvery = time.Second
)

// TailEvents implements adminv1connect.AdminServiceHandler.
func (s *Service) TailEvents(ctx context.Context, req *connect.Request[adminv1.TailEventsRequest], stream *connect.ServerStream[adminv1.TailEventsResponse]) error {
	if s.Router == nil || s.Feed == nil {
		return notRunning()
	}
	most := int(req.Msg.GetMaxRate())
	switch {
	case most == 0:
		most = defaultTailRate
	case most < 0 || most > maxTailRate:
		return invalid("max_rate is %d: it must be from 1 to %d, or 0 for %d", most, maxTailRate, defaultTailRate)
	}
	f, err := s.eventFilter(req.Msg.GetFilter())
	if err != nil {
		return err
	}
	t, err := s.Feed.listen()
	if err != nil {
		return err
	}
	defer s.Feed.leave(t)
	o := &outlet{stream: stream, ctx: ctx}
	if err := readBy(ctx, time.Time{}); err != nil {
		return err
	}
	if err := o.send(nil); err != nil { // The headers tell the client that it misses nothing from here on.
		return err
	}
	return s.follow(ctx, t, &f, rate.NewLimiter(rate.Limit(most), most), o)
}

// follow sends what happens until the client or the router goes away.
func (s *Service) follow(ctx context.Context, t *tail, f *eventFilter, pace *rate.Limiter, o *outlet) error {
	idle := time.NewTicker(leftOutEvery)
	defer idle.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.stopping:
			return ErrStopping
		case <-idle.C:
			o.leftOut += t.leftOut.Swap(0)
			if o.leftOut == 0 {
				continue
			}
			if err := o.send(&adminv1.TailEventsResponse{}); err != nil {
				return err
			}
		case c := <-t.changes:
			o.leftOut += t.leftOut.Swap(0)
			if err := s.forward(ctx, c, f, pace, o); err != nil {
				return err
			}
		}
	}
}

// forward sends one change if the filter selects it and the rate allows it.
func (s *Service) forward(ctx context.Context, c change, f *eventFilter, pace *rate.Limiter, o *outlet) error {
	if !s.reads.Allow() {
		o.leftOut++
		return nil
	}
	m, err := s.read(ctx, c, f)
	switch {
	case errors.Is(err, journal.ErrNotFound), err == nil && m == nil:
		return nil // deleted already, or not selected
	case err != nil:
		return err
	case !pace.Allow():
		o.leftOut++
		return nil
	}
	return o.send(m)
}

// read returns the message about a change, nil if the filter does not select it.
func (s *Service) read(ctx context.Context, c change, f *eventFilter) (*adminv1.TailEventsResponse, error) {
	if c.event != 0 {
		e, err := s.Journal.Event(ctx, c.event)
		if err != nil || !f.holds(e) {
			return nil, err
		}
		return &adminv1.TailEventsResponse{Item: &adminv1.TailEventsResponse_Event{Event: eventMessage(e)}}, nil
	}
	d, err := s.Journal.Delivery(ctx, c.delivery)
	if err != nil || !equal(f.query.Rule, d.Rule) || !equal(f.query.Plugin, d.Plugin) {
		return nil, err
	}
	e, err := s.Journal.Event(ctx, d.Event)
	if err != nil || !f.holds(e) {
		return nil, err
	}
	return &adminv1.TailEventsResponse{Item: &adminv1.TailEventsResponse_Delivery{Delivery: deliverySummary(d, journal.IsSensitive(e.Envelope))}}, nil
}

// outlet sends the messages of a tail and counts what was left out since the last one.
type outlet struct {
	ctx     context.Context
	stream  *connect.ServerStream[adminv1.TailEventsResponse]
	leftOut int64
}

// send waits for a client that is slow, and gives one up that receives nothing for writeLimit. Without a message it sends the headers.
func (o *outlet) send(m *adminv1.TailEventsResponse) error {
	if err := writeBy(o.ctx, time.Now().Add(writeLimit)); err != nil {
		return err
	}
	if m != nil {
		m.LeftOut, o.leftOut = o.leftOut, 0
	}
	if err := o.stream.Send(m); err != nil {
		return err
	}
	return writeBy(o.ctx, time.Time{})
}
