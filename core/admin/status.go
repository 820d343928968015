package admin

import (
	"context"
	"maps"
	"slices"

	"connectrpc.com/connect"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// GetStatus implements adminv1connect.AdminServiceHandler.
func (s *Service) GetStatus(ctx context.Context, _ *connect.Request[adminv1.GetStatusRequest]) (*connect.Response[adminv1.GetStatusResponse], error) {
	status, err := s.status(ctx)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(status), nil
}

// ListPlugins implements adminv1connect.AdminServiceHandler.
func (s *Service) ListPlugins(ctx context.Context, _ *connect.Request[adminv1.ListPluginsRequest]) (*connect.Response[adminv1.ListPluginsResponse], error) {
	plugins, err := s.plugins(ctx)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&adminv1.ListPluginsResponse{Plugins: plugins}), nil
}

func (s *Service) plugins(ctx context.Context) ([]*adminv1.Plugin, error) {
	status, err := s.status(ctx)
	return status.GetPlugins(), err
}

// status describes the router, or what can be read from its journal while it does not run.
func (s *Service) status(ctx context.Context) (*adminv1.GetStatusResponse, error) {
	if s.Router != nil {
		return s.Router.Status(ctx)
	}
	stats, err := s.Journal.Stats(ctx)
	if err != nil {
		return nil, err
	}
	status := &adminv1.GetStatusResponse{Journal: &adminv1.JournalStatus{
		Bytes: stats.Bytes, LimitBytes: stats.Limit, Events: stats.Events, Quarantined: stats.Quarantined,
	}}
	if stats.Generation > 0 {
		status.Generation = &adminv1.Generation{Number: stats.Generation}
	}
	for _, name := range slices.Sorted(maps.Keys(stats.Plugins)) {
		p := stats.Plugins[name]
		status.Plugins = append(status.Plugins, &adminv1.Plugin{
			Name: name, State: "unknown", Pending: p.Pending, Dead: p.Dead,
			OldestPending: stamp(p.OldestPending), OldestDead: stamp(p.OldestDead),
		})
	}
	return status, nil
}
