package app

import (
	"context"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/dispatch"
	"github.com/pointsman/pointsman/core/pluginhost"
)

// pluginSpec says to the plugin host what the configuration says about a plugin.
func pluginSpec(p *config.Plugin) pluginhost.Spec {
	return pluginhost.Spec{
		Name: p.Name, Kind: p.Kind, Path: p.Path, SHA256: p.SHA256, Settings: p.Settings, Concurrency: p.Concurrency, Env: p.Env,
		TLS: p.TLS != nil && *p.TLS,
	}
}

// target is a plugin as dispatch sees it.
type target struct{ *pluginhost.Plugin }

var _ dispatch.Target = target{}

// Session waits until the plugin is ready.
func (t target) Session(ctx context.Context) (dispatch.Session, error) {
	s, err := t.Plugin.Session(ctx)
	if err != nil {
		return nil, err
	}
	return s, nil
}
