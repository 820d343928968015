package admin

import (
	"context"
	"log/slog"

	"connectrpc.com/connect"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// ReplayEvents implements adminv1connect.AdminServiceHandler.
func (s *Service) ReplayEvents(ctx context.Context, req *connect.Request[adminv1.ReplayEventsRequest]) (*connect.Response[adminv1.ReplayEventsResponse], error) {
	if s.Router == nil {
		return nil, notRunning()
	}
	p, err := pageOf(req.Msg)
	if err != nil {
		return nil, err
	}
	events, next, err := s.toReplay(ctx, req.Msg, p)
	if err != nil {
		return nil, err
	}
	answer := &adminv1.ReplayEventsResponse{NextPageToken: p.tokenBefore(next)}
	for i := range events {
		err := s.replay(ctx, &events[i], req.Msg, answer)
		if err == nil {
			continue
		}
		if answer.Events > 0 && i > 0 {
			// What was repeated cannot be taken back, and must not be repeated again: the page ends here, and the next one
			// begins with the event that failed.
			answer.NextPageToken = p.tokenBefore(events[i-1].Seq)
			break
		}
		s.replayed(ctx, req.Msg, answer, err)
		return nil, err
	}
	s.replayed(ctx, req.Msg, answer, nil)
	return connect.NewResponse(answer), nil
}

func (s *Service) replayed(ctx context.Context, req *adminv1.ReplayEventsRequest, answer *adminv1.ReplayEventsResponse, err error) {
	if !req.GetDryRun() && (err != nil || answer.Events > 0) {
		s.changed(ctx, err, "replay of events", slog.Int("events", int(answer.Events)), slog.Int("deliveries", int(answer.Deliveries)))
	}
}

// toReplay returns the events of the page that a request selects, newest first.
func (s *Service) toReplay(ctx context.Context, req *adminv1.ReplayEventsRequest, p page) ([]journal.EventRecord, int64, error) {
	empty := selectsAll(req.GetFilter())
	switch {
	case req.GetNumber() != 0 && !empty:
		return nil, 0, invalid("name one event by its number, or set a filter, not both")
	case req.GetNumber() != 0:
		e, err := s.Journal.Event(ctx, req.GetNumber())
		if err != nil {
			return nil, 0, err
		}
		return []journal.EventRecord{*e}, 0, nil
	case empty && !req.GetAll():
		return nil, 0, invalid("the filter selects every event: narrow it, or set all = true")
	}
	f, err := s.eventFilter(req.GetFilter())
	if err != nil {
		return nil, 0, err
	}
	again := s.recorded(f, false, p)
	events, err := again.next(ctx)
	return events, again.before, err
}

// replay repeats one event and adds what came of it to the answer.
func (s *Service) replay(ctx context.Context, e *journal.EventRecord, req *adminv1.ReplayEventsRequest, answer *adminv1.ReplayEventsResponse) error {
	if e.State == journal.StateQuarantined {
		answer.Unmatched++ // no rule can want what was not decoded
		return nil
	}
	r, err := s.Router.Replay(ctx, e, req.GetRules(), req.GetDryRun())
	if err != nil {
		return err
	}
	if r.Deliveries == 0 {
		answer.Unmatched++
		return nil
	}
	answer.Events++
	answer.Deliveries += int32(r.Deliveries)
	repeated := &adminv1.Event{Source: e.Source, Id: e.ID, Type: e.Type, Subject: e.Subject, ReplayOf: e.Seq}
	if r.Seq != 0 {
		if stored, err := s.Journal.Event(ctx, r.Seq); err == nil {
			repeated = eventMessage(stored)
		}
		repeated.Number = r.Seq
	}
	answer.Repeated = append(answer.Repeated, repeated)
	return nil
}
