package admin

import (
	"context"
	"errors"
	"log/slog"

	"connectrpc.com/connect"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// Reload implements adminv1connect.AdminServiceHandler.
func (s *Service) Reload(ctx context.Context, _ *connect.Request[adminv1.ReloadRequest]) (*connect.Response[adminv1.ReloadResponse], error) {
	if s.Router == nil {
		return nil, notRunning()
	}
	answer, err := s.Router.Reload(ctx, caller(ctx))
	inForce := answer.GetGeneration()
	if failed, ok := errors.AsType[*ReloadError](err); ok {
		inForce = failed.Failure.GetGeneration()
	}
	s.changed(ctx, err, "reload", slog.Int64("generation", inForce.GetNumber()))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(answer), nil
}

// RestartPlugin implements adminv1connect.AdminServiceHandler.
func (s *Service) RestartPlugin(ctx context.Context, req *connect.Request[adminv1.RestartPluginRequest]) (*connect.Response[adminv1.RestartPluginResponse], error) {
	name := req.Msg.GetName()
	if err := s.named(name); err != nil {
		return nil, err
	}
	err := s.Router.RestartPlugin(ctx, name)
	s.changed(ctx, err, "restart of a plugin", slog.String("plugin", name))
	if err != nil {
		return nil, err
	}
	plugins, err := s.plugins(ctx)
	if err != nil {
		return nil, err
	}
	answer := &adminv1.RestartPluginResponse{}
	for _, p := range plugins {
		if p.GetName() == name {
			answer.Plugin = p
		}
	}
	return connect.NewResponse(answer), nil
}

// GetPluginLogs implements adminv1connect.AdminServiceHandler.
func (s *Service) GetPluginLogs(_ context.Context, req *connect.Request[adminv1.GetPluginLogsRequest]) (*connect.Response[adminv1.GetPluginLogsResponse], error) {
	if err := s.named(req.Msg.GetName()); err != nil {
		return nil, err
	}
	answer, err := s.Router.PluginLogs(req.Msg.GetName())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(answer), nil
}

// named checks a request about one plugin of a running router.
func (s *Service) named(plugin string) error {
	if s.Router == nil {
		return notRunning()
	}
	if plugin == "" {
		return invalid("name the plugin")
	}
	return nil
}
