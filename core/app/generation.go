package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/dispatch"
	"github.com/pointsman/pointsman/core/pluginhost"
	"github.com/pointsman/pointsman/core/rule"
	"github.com/pointsman/pointsman/core/source"
)

// generation is a configuration in force. It does not change: the next configuration is another generation, into which the
// parts that are equal in both are moved while they run.
type generation struct {
	number  int64
	loaded  time.Time
	config  *config.Config
	rules   *rule.Set
	rooms   *roomTable
	counts  *ruleCounts
	sources []*runningSource
	plugins []*runningPlugin
}

// runningSource is a source with its goroutine.
type runningSource struct {
	source.Source
	block *config.Source
	run   *service // nil until the generation that made it is in force
}

// runningPlugin is a plugin's process with what delivers to it.
type runningPlugin struct {
	*pluginhost.Plugin
	block *config.Plugin
	spec  pluginhost.Spec
	// digest is the SHA-256 of the program on disk when the plugin was started.
	digest   string
	process  *service
	dispatch *service // nil until the generation that made it is in force
}

// hasSource reports whether the source called name belongs to the generation.
func (g *generation) hasSource(name string) bool {
	return slices.ContainsFunc(g.sources, func(s *runningSource) bool { return s.block.Name == name })
}

// assemble makes the generation that follows old, which is nil at the first start. Equal parts are taken over from old; the
// others are made and do not run yet.
func (r *router) assemble(old *generation, p plan) (*generation, error) {
	if old == nil {
		old = &generation{number: r.lastGeneration}
	}
	g := &generation{number: old.number + 1, loaded: time.Now(), config: p.config, rules: p.rules}
	var infos []source.Info
	for i, block := range p.config.Sources {
		s := &runningSource{Source: p.sources[i], block: block}
		if same := find(old.sources, s.equal); same != nil {
			s = same
		}
		g.sources = append(g.sources, s)
		infos = append(infos, s.Info())
	}
	g.rooms = newRoomTable(infos)
	for _, block := range p.config.Plugins {
		plugin, err := r.newPlugin(block)
		if err != nil {
			return nil, err
		}
		if same := find(old.plugins, plugin.equal); same != nil {
			plugin = same
		}
		g.plugins = append(g.plugins, plugin)
	}
	return g, nil
}

// find returns the first part for which match is true, or nil.
func find[P any](parts []*P, match func(*P) bool) *P {
	if i := slices.IndexFunc(parts, match); i >= 0 {
		return parts[i]
	}
	return nil
}

// newPlugin describes a plugin's process without starting it.
func (r *router) newPlugin(block *config.Plugin) (*runningPlugin, error) {
	spec := pluginSpec(block)
	spec.DataDir = filepath.Join(filepath.Dir(r.lasting.Journal.Path), "plugins", block.Name)
	program, err := pluginhost.Inspect(spec)
	if err != nil {
		return nil, err
	}
	r.hostMetrics.Init(block.Name)
	r.dispatchMetrics.Init(block.Name)
	plugin := pluginhost.New(spec, pluginhost.Options{Log: r.Log, Metrics: r.hostMetrics})
	return &runningPlugin{Plugin: plugin, block: block, spec: spec, digest: program.SHA256}, nil
}

func (s *runningSource) equal(other *runningSource) bool {
	a, b := s.block, other.block
	return a.Kind == b.Kind && a.Name == b.Name && a.Sensitive == b.Sensitive && bytes.Equal(a.Settings, b.Settings)
}

// equal reports whether nothing about the plugin's process and the deliveries to it differs.
func (p *runningPlugin) equal(other *runningPlugin) bool {
	return p.digest == other.digest && p.block.Rate == other.block.Rate && reflect.DeepEqual(p.spec, other.spec)
}

// apply puts a configuration into force as the next generation. Everything that can fail happens before the swap; on error
// nothing has changed. If nothing differs from the configuration in force, there is no new generation and no changes
// are returned. The configuration must be free of errors. One apply runs at a time.
func (r *router) apply(ctx context.Context, p plan) (changes []string, err error) {
	if err := r.lasting.compare(p.config); err != nil {
		return nil, err
	}
	old := r.current.Load()
	next, err := r.assemble(old, p)
	if err != nil {
		return nil, err
	}
	if old != nil {
		if changes = old.changes(next); len(changes) == 0 {
			return nil, nil
		}
	}
	if err := r.startPlugins(ctx, next); err != nil {
		if refused, ok := errors.AsType[*pluginhost.ConfigError](err); ok {
			return nil, p.invalid(refused)
		}
		return nil, err
	}
	next.counts = r.ruleMetrics.begin(p.config.Rules)
	// From here on the next generation is in force.
	r.previous.Store(old)
	r.current.Store(next)
	if err := r.server.Mount(next.mounted()); err != nil {
		return nil, err // cannot happen: the paths were checked when the sources were made
	}
	r.replace(ctx, old, next)
	return changes, nil
}

// mounted are the sources as the server takes them.
func (g *generation) mounted() []source.Source {
	sources := make([]source.Source, len(g.sources))
	for i, s := range g.sources {
		sources[i] = s.Source
	}
	return sources
}

// startPlugins starts the processes of plugins that do not run yet and waits until they are ready to take deliveries. On error
// none of them is left.
func (r *router) startPlugins(ctx context.Context, g *generation) error {
	var started []*service
	for _, p := range g.plugins {
		if p.process == nil {
			p.process = startService(ctx, fmt.Sprintf("plugin %q", p.block.Name), p.Run)
			started = append(started, p.process)
		}
	}
	for _, p := range g.plugins {
		if !slices.Contains(started, p.process) {
			continue
		}
		if err := p.WaitReady(ctx); err != nil {
			stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
			defer cancel()
			return errors.Join(err, stopServices(stopping, r.Log, started...))
		}
	}
	for _, p := range started {
		p.watch(r.fail)
	}
	return nil
}

// replace stops the parts of old that next does not have, and starts those that only next has. A part is stopped before the
// one that takes its place runs: two dispatchers would break the order of deliveries, two sources could share a file. Plugins'
// processes are the exception; the new one is ready already, so no delivery waits for a start.
func (r *router) replace(ctx context.Context, old, next *generation) {
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	if old != nil {
		var gone []*service
		for _, s := range old.sources {
			if !slices.Contains(next.sources, s) {
				gone = append(gone, s.run)
			}
		}
		for _, p := range old.plugins {
			if !slices.Contains(next.plugins, p) {
				gone = append(gone, p.process, p.dispatch)
			}
		}
		if err := stopServices(stopping, r.Log, gone...); err != nil {
			r.Log.Error("stop parts of the previous configuration", "err", err)
		}
	}
	for _, s := range next.sources {
		r.startSource(ctx, s)
	}
	for _, p := range next.plugins {
		if ctx.Err() == nil { // during a stop nothing more is claimed
			r.startDispatch(ctx, p)
		}
	}
	r.forget(old, next)
}

// startSource runs a source that does not run yet.
func (r *router) startSource(ctx context.Context, s *runningSource) {
	if s.run != nil {
		return
	}
	info := s.Info()
	if len(info.Insecure) > 0 {
		r.Log.Warn("insecure options in force", "source", info.Name, "options", info.Insecure)
	}
	r.Log.Info("source mounted", "source", info.Name, "kind", info.Kind,
		"url", r.lasting.Server.Scheme()+"://"+r.listener.Addr().String()+info.Path, "durability", durability(info))
	run := s.Run
	if r.serving != nil {
		run = r.retrying(info.Name, s.Run)
	}
	s.run = startService(ctx, fmt.Sprintf("source %q", info.Name), run)
	s.run.watch(r.fail)
}

// retrying runs a source that a reload has put into force. What fails then, such as a connection table that another process has
// locked, must not end a router that serves other sources: the source is run again until it works, or the next reload removes it.
func (r *router) retrying(name string, run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for wait := time.Second; ; wait = min(2*wait, time.Minute) {
			err := run(ctx)
			if err == nil || ctx.Err() != nil {
				return err
			}
			r.failures.Store(name, err)
			r.Log.Error("source does not work, trying again", "source", name, "err", err, "wait", wait)
			select {
			case <-time.After(wait):
				r.failures.Delete(name)
			case <-ctx.Done():
				r.failures.Delete(name)
				return nil
			}
		}
	}
}

func durability(info source.Info) string {
	if info.Memory {
		return "memory"
	}
	return "disk"
}

// startDispatch delivers to a plugin that nothing delivers to yet.
func (r *router) startDispatch(ctx context.Context, p *runningPlugin) {
	if p.dispatch != nil {
		return
	}
	name := fmt.Sprintf("dispatch to plugin %q", p.block.Name)
	d := dispatch.New(dispatch.Options{
		Plugin: p.block.Name, Journal: r.journal, Target: target{p.Plugin}, Concurrency: p.block.Concurrency,
		Rate: dispatch.Rate(p.block.Rate), Effects: r.effects, Log: r.Log, Metrics: r.dispatchMetrics,
	})
	p.dispatch = startService(ctx, name, func(ctx context.Context) error {
		if err := d.Run(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	p.dispatch.watch(r.fail)
}

// forget brings what is counted of the whole router in line with the generation in force, and drops the series of plugins that
// are not configured any more. What is pending for those stays in the journal and in its metrics.
func (r *router) forget(old, next *generation) {
	memory := 0.0
	if slices.ContainsFunc(next.sources, func(s *runningSource) bool { return s.Info().Memory }) {
		memory = 1
	}
	r.metrics.InsecureOptions.Set(float64(len(r.insecureOptions(next))))
	r.metrics.Durability.WithLabelValues("disk").Set(1)
	r.metrics.Durability.WithLabelValues("memory").Set(memory)
	r.metrics.Generation.Set(float64(next.number))
	var names []string
	for _, p := range next.plugins {
		names = append(names, p.block.Name)
	}
	r.journalMetrics.Init(names...)
	if old == nil {
		return
	}
	for _, p := range old.plugins {
		if !slices.Contains(names, p.block.Name) {
			r.hostMetrics.Forget(p.block.Name)
			r.dispatchMetrics.Forget(p.block.Name)
		}
	}
}
