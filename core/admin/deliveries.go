package admin

import (
	"context"
	"log/slog"
	"slices"

	"connectrpc.com/connect"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// ListDeliveries implements adminv1connect.AdminServiceHandler.
func (s *Service) ListDeliveries(ctx context.Context, req *connect.Request[adminv1.ListDeliveriesRequest]) (*connect.Response[adminv1.ListDeliveriesResponse], error) {
	p, err := pageOf(req.Msg)
	if err != nil {
		return nil, err
	}
	f, err := s.deliveryFilter(req.Msg.GetFilter())
	if err != nil {
		return nil, err
	}
	found, next, err := s.deliveries(ctx, f, p)
	if err != nil {
		return nil, err
	}
	list, err := s.deliverySummaries(ctx, found)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&adminv1.ListDeliveriesResponse{Deliveries: list, NextPageToken: p.tokenBefore(next)}), nil
}

// GetDelivery implements adminv1connect.AdminServiceHandler.
func (s *Service) GetDelivery(ctx context.Context, req *connect.Request[adminv1.GetDeliveryRequest]) (*connect.Response[adminv1.GetDeliveryResponse], error) {
	d, err := s.deliveryByID(ctx, req.Msg.GetId())
	if err != nil {
		return nil, err
	}
	e, err := s.Journal.Event(ctx, d.Event)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&adminv1.GetDeliveryResponse{Delivery: deliveryMessage(d, journal.IsSensitive(e.Envelope))}), nil
}

// RetryDeliveries implements adminv1connect.AdminServiceHandler.
func (s *Service) RetryDeliveries(ctx context.Context, req *connect.Request[adminv1.RetryDeliveriesRequest]) (*connect.Response[adminv1.RetryDeliveriesResponse], error) {
	found, next, err := s.deadLetters(ctx, req.Msg)
	if err != nil {
		return nil, err
	}
	answer := &adminv1.RetryDeliveriesResponse{NextPageToken: next}
	retry := slices.DeleteFunc(found, func(d journal.DeliveryRecord) bool { return d.Reason == journal.ReasonRuleError })
	answer.Skipped = int32(len(found) - len(retry))
	n, err := s.change(ctx, req.Msg, "retry of dead letters", retry, journal.Operator.Redrive)
	if err != nil {
		return nil, err
	}
	answer.Retried = int32(n)
	return connect.NewResponse(answer), nil
}

// DropDeliveries implements adminv1connect.AdminServiceHandler.
func (s *Service) DropDeliveries(ctx context.Context, req *connect.Request[adminv1.DropDeliveriesRequest]) (*connect.Response[adminv1.DropDeliveriesResponse], error) {
	found, next, err := s.deadLetters(ctx, req.Msg)
	if err != nil {
		return nil, err
	}
	n, err := s.change(ctx, req.Msg, "drop of dead letters", found, journal.Operator.Drop)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&adminv1.DropDeliveriesResponse{Dropped: int32(n), NextPageToken: next}), nil
}

// deadLetterRequest is a request to change dead letters.
type deadLetterRequest interface {
	pageRequest
	GetFilter() *adminv1.DeliveryFilter
	GetAll() bool
	GetDryRun() bool
}

// deadLetters returns the page of dead letters that a request selects, and the token of the next one. Pages go by descending numbers,
// not by what is left, so a dead letter that dies again meanwhile is not selected again.
func (s *Service) deadLetters(ctx context.Context, req deadLetterRequest) ([]journal.DeliveryRecord, string, error) {
	if s.Operator == nil && !req.GetDryRun() {
		return nil, "", notRunning()
	}
	p, err := pageOf(req)
	if err != nil {
		return nil, "", err
	}
	f, err := s.deliveryFilter(req.GetFilter())
	if err != nil {
		return nil, "", err
	}
	if f.query.State != "" && f.query.State != journal.StateDead {
		return nil, "", invalid("filter.state must be dead or empty: only dead letters can be retried or dropped")
	}
	f.query.State = journal.StateDead
	if selectsAll(req.GetFilter(), "state") && !req.GetAll() {
		return nil, "", invalid("the filter selects every dead letter: narrow it, or set all = true")
	}
	found, next, err := s.deliveries(ctx, f, p)
	return found, p.tokenBefore(next), err
}

// change applies an operation to dead letters, unless the request only asks how many they are, and returns how many it changed.
func (s *Service) change(ctx context.Context, req deadLetterRequest, name string, dead []journal.DeliveryRecord, apply func(journal.Operator, context.Context, []int64) (int, error)) (int, error) {
	if req.GetDryRun() || len(dead) == 0 {
		return len(dead), nil
	}
	seqs := make([]int64, len(dead))
	for i := range dead {
		seqs[i] = dead[i].Seq
	}
	n, err := apply(s.Operator, ctx, seqs)
	s.changed(ctx, err, name, slog.Int("deliveries", n), slog.String("first", dead[0].ID), slog.String("last", dead[len(dead)-1].ID))
	return n, err
}
