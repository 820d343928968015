package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

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

// FindPlugin returns the plugin block called name, with its settings checked against what its program says they may be. The
// error is nil when the diagnostics say enough.
func FindPlugin(ctx context.Context, o Options, name string) (*config.Plugin, *config.Diagnostics, error) {
	p := load(ctx, o, offlineSources())
	if p.diags.HasErrors() {
		return nil, p.diags, nil
	}
	names := make([]string, len(p.config.Plugins))
	for i, c := range p.config.Plugins {
		names[i] = c.Name
	}
	i := slices.Index(names, name)
	switch {
	case i >= 0:
		return p.config.Plugins[i], nil, nil
	case len(names) == 0:
		return nil, nil, fmt.Errorf("%s: there is no plugin block", strings.Join(o.Paths, " "))
	}
	return nil, nil, fmt.Errorf("%s: no plugin %q: there is %s", strings.Join(o.Paths, " "), name, strings.Join(names, ", "))
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
