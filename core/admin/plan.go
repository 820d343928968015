package admin

import (
	"context"

	"connectrpc.com/connect"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// Plan implements adminv1connect.AdminServiceHandler.
func (s *Service) Plan(ctx context.Context, req *connect.Request[adminv1.PlanRequest]) (*connect.Response[adminv1.PlanResponse], error) {
	if s.Router == nil {
		return nil, notRunning()
	}
	p, err := pageOf(req.Msg)
	if err != nil {
		return nil, err
	}
	f, err := s.eventFilter(req.Msg.GetFilter())
	if err != nil {
		return nil, err
	}
	events, next, err := s.events(ctx, f, p)
	if err != nil {
		return nil, err
	}
	answer, err := s.Router.Plan(ctx, req.Msg.GetFiles(), events)
	if err != nil {
		return nil, err
	}
	answer.NextPageToken = p.tokenBefore(next)
	return connect.NewResponse(answer), nil
}
