package admin

import (
	"context"
	"fmt"

	"connectrpc.com/connect"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// ListEvents implements adminv1connect.AdminServiceHandler.
func (s *Service) ListEvents(ctx context.Context, req *connect.Request[adminv1.ListEventsRequest]) (*connect.Response[adminv1.ListEventsResponse], error) {
	p, err := pageOf(req.Msg)
	if err != nil {
		return nil, err
	}
	f, err := s.eventFilter(req.Msg.GetFilter())
	if err != nil {
		return nil, err
	}
	found, next, err := s.events(ctx, f, p)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&adminv1.ListEventsResponse{Events: eventMessages(found), NextPageToken: p.tokenBefore(next)}), nil
}

// eventName is how a request names one event.
type eventName interface {
	GetNumber() int64
	GetSource() string
	GetId() string
}

// event reads the event that a request names.
func (s *Service) event(ctx context.Context, name eventName) (*journal.EventRecord, error) {
	switch number, id := name.GetNumber(), name.GetId(); {
	case (number == 0) == (id == ""):
		return nil, invalid("name the event by its number or by its id")
	case number != 0:
		return s.Journal.Event(ctx, number)
	default:
		return s.Journal.FindEvent(ctx, name.GetSource(), id)
	}
}

// GetEvent implements adminv1connect.AdminServiceHandler.
func (s *Service) GetEvent(ctx context.Context, req *connect.Request[adminv1.GetEventRequest]) (*connect.Response[adminv1.GetEventResponse], error) {
	e, err := s.event(ctx, req.Msg)
	if err != nil {
		return nil, err
	}
	content, err := contentOf(e.Envelope)
	if err != nil {
		return nil, fmt.Errorf("decode event %d: %w", e.Seq, err)
	}
	answer := &adminv1.GetEventResponse{Event: eventMessage(e), Content: content, Replays: e.Replays}
	for i := range e.Deliveries {
		answer.Deliveries = append(answer.Deliveries, deliveryMessage(&e.Deliveries[i], content.GetSensitive()))
	}
	if s.Router != nil {
		if x, err := s.explain(ctx, e, ""); err == nil { // without it, there is still everything that happened
			answer.Rules = asked(x.Rules)
		}
	}
	return connect.NewResponse(answer), nil
}
