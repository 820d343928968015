package admin

import (
	"context"
	"slices"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// ExplainEvent implements adminv1connect.AdminServiceHandler.
func (s *Service) ExplainEvent(ctx context.Context, req *connect.Request[adminv1.ExplainEventRequest]) (*connect.Response[adminv1.ExplainEventResponse], error) {
	if s.Router == nil {
		return nil, notRunning()
	}
	e, err := s.explained(ctx, req.Msg)
	if err != nil {
		return nil, err
	}
	x, err := s.explain(ctx, e, req.Msg.GetRule())
	if err != nil {
		return nil, err
	}
	answer := &adminv1.ExplainEventResponse{Event: eventMessage(e), Generation: x.Generation, Rules: x.Rules}
	if !req.Msg.GetSkipped() && req.Msg.GetRule() == "" {
		answer.Rules = asked(x.Rules)
	}
	for i := range e.Deliveries {
		answer.Deliveries = append(answer.Deliveries, deliveryMessage(&e.Deliveries[i], journal.IsSensitive(e.Envelope)))
	}
	return connect.NewResponse(answer), nil
}

// explained is the recorded event that a request names, or the one that it brings.
func (s *Service) explained(ctx context.Context, req *adminv1.ExplainEventRequest) (*journal.EventRecord, error) {
	if len(req.GetEnvelope()) == 0 {
		return s.event(ctx, req)
	}
	env := new(pointsmanv1.Envelope)
	switch {
	case req.GetNumber() != 0 || req.GetId() != "":
		return nil, invalid("give either an envelope, or the name of an event")
	case proto.Unmarshal(req.GetEnvelope(), env) != nil || env.GetSource() == "":
		return nil, invalid("the envelope is not a pointsman.v1.Envelope with a source")
	}
	return &journal.EventRecord{
		Source: env.GetSource(), ID: env.GetId(), Type: env.GetType(), Subject: env.GetSubject(), Received: time.Unix(0, env.GetReceivedUnixNano()),
		Envelope: req.GetEnvelope(),
	}, nil
}

func (s *Service) explain(ctx context.Context, e *journal.EventRecord, rule string) (*Explanation, error) {
	x, err := s.Router.Explain(ctx, e, rule)
	if err == nil && journal.IsSensitive(e.Envelope) {
		WithholdContent(x.Rules)
	}
	return x, err
}

// asked leaves out the rules that do not see the event.
func asked(rules []*adminv1.RuleResult) []*adminv1.RuleResult {
	return slices.DeleteFunc(rules, func(r *adminv1.RuleResult) bool { return r.GetSkipped() != "" })
}
