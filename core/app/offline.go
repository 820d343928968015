package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/pluginhost"
	"github.com/pointsman/pointsman/core/rule"
	"github.com/pointsman/pointsman/core/source"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Offline is a configuration whose rules can be tried without a router. It opens nothing, and it needs neither secrets nor the
// plugins' programs.
type Offline struct {
	Config *config.Config
	Rules  *rule.Set
	// Diagnostics are what is wrong with the configuration. Config and Rules are for use only if none of them is an error.
	Diagnostics *config.Diagnostics
	// NotInstalled are the plugins whose programs are missing: their settings and arguments were not checked.
	NotInstalled []config.PluginRef

	decoders map[string]source.Decoder
}

// LoadOffline reads a configuration and compiles its rules.
func LoadOffline(ctx context.Context, o Options) *Offline {
	o.Offline = true
	out := &Offline{decoders: map[string]source.Decoder{}}
	sources := offlineSources()
	p := loadWith(ctx, o, sources, func(ctx context.Context, ref config.PluginRef) (*pluginv1.DescribeResponse, error) {
		d, err := describeProgram(ctx, ref)
		if errors.Is(err, pluginhost.ErrMissing) {
			out.NotInstalled = append(out.NotInstalled, ref)
			return nil, config.ErrNotInstalled
		}
		return d, err
	})
	out.Config, out.Rules, out.Diagnostics = p.config, p.rules, p.diags
	for _, s := range p.config.Sources {
		if s.Settings == nil {
			continue // its error is reported
		}
		decode, err := sources.kinds[s.Kind].Decoder(s.Settings, s.Name)
		if err != nil {
			s.Diagnose(problem("", "Unusable source", err))
			continue
		}
		out.decoders[s.Name] = decode
	}
	return out
}

// Decode returns the events of a body, as the source called name decodes what its senders post.
func (o *Offline) Decode(name string, s source.Sample) ([]source.Event, error) {
	decode := o.decoders[name]
	if decode == nil {
		return nil, fmt.Errorf("source %q has settings that could not be read, so it decodes nothing", name)
	}
	return decode(s)
}

// Source returns the block of a source, nil if there is none.
func (o *Offline) Source(name string) *config.Source {
	i := slices.IndexFunc(o.Config.Sources, func(s *config.Source) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return o.Config.Sources[i]
}
