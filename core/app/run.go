package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/dispatch"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/sqlite"
	"github.com/pointsman/pointsman/core/pluginhost"
	"github.com/pointsman/pointsman/core/source"
)

// Times of a stop. Together they keep within stopLimit: sources 8 s, dispatch 10 s, plugins 10 s.
const (
	stopLimit    = 30 * time.Second
	requestDrain = 8 * time.Second
)

// router is a running Pointsman: every part, and what the parts share.
type router struct {
	Options
	plan
	services *services
	registry *prometheus.Registry
	metrics  *admin.Metrics
	health   *admin.Health
	journal  *sqlite.Journal
	intake   *intake
	counts   *source.Metrics // of all sources
	plugins  []*pluginhost.Plugin
	server   net.Listener
	admin    net.Listener
}

// Run checks the configuration, runs the router until ctx ends, and stops it in order: not ready, no new requests, requests
// under way answered, deliveries under way finished, plugins drained, journal closed. It returns an *InvalidError when the
// configuration can't be used, nil after a complete stop.
func Run(ctx context.Context, o Options) error {
	registry := prometheus.NewRegistry()
	accepting := &intake{}
	counts := source.NewMetrics(registry)
	p := load(ctx, o, newSourceMaker(sourceKinds(registry), source.Deps{Intake: accepting, Log: o.Log, Metrics: counts}))
	if p.diags.HasErrors() {
		return &InvalidError{Config: p.config, Diagnostics: p.diags}
	}
	o.Warnings(p.diags)
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	r := &router{
		Options: o, plan: p, health: new(admin.Health), registry: registry, intake: accepting, counts: counts,
		services: &services{log: o.Log, fail: fail},
	}
	err := r.start(ctx)
	if err == nil {
		<-ctx.Done()
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, context.Canceled):
		err = nil // A signal ended it, at any stage.
	case cause != nil:
		err = cause // A part failed; what start says follows from it.
	}
	o.Log.Info("stopping", "limit", stopLimit.String())
	r.health.Drain()
	err = errors.Join(err, r.services.stop(stopLimit), r.close())
	if refused, ok := asConfigError(err); ok {
		return r.invalid(refused)
	}
	if err == nil {
		o.Log.Info("stopped")
	}
	return err
}

// start brings the parts up in the order of the data path read backwards: whoever hands something over finds its receiver
// running.
func (r *router) start(ctx context.Context) error {
	if err := r.listen(); err != nil {
		return err
	}
	r.metrics = admin.NewMetrics(r.registry, r.Version)
	r.metrics.Durability.WithLabelValues("disk").Set(1)
	r.metrics.Durability.WithLabelValues("memory").Set(0)
	if !loopback(r.admin.Addr()) {
		r.metrics.InsecureOptions.Inc() // config has warned of it
	}
	r.metrics.ReloadSuccessful.Set(1)
	r.metrics.ReloadTimestamp.SetToCurrentTime()
	if err := r.openJournal(ctx); err != nil {
		return err
	}
	r.services.start(ctx, "admin", func(ctx context.Context) error {
		return admin.New(admin.Options{Health: r.health, Gatherer: r.registry, Log: r.Log}).Run(ctx, r.admin)
	})
	r.intake.rules, r.intake.journal, r.intake.metrics = r.rules, r.journal, newRuleMetrics(r.registry, sourcesByRule(r.config))
	if err := r.startPlugins(ctx); err != nil {
		return err
	}
	if err := r.startSources(ctx); err != nil {
		return err
	}
	r.health.Started(r.checks())
	r.Log.Info("ready", "server", r.server.Addr().String(), "admin", r.admin.Addr().String(), "journal", r.config.Journal.Path,
		"durability", "disk", "sources", len(r.config.Sources), "rules", len(r.config.Rules), "plugins", len(r.config.Plugins))
	return nil
}

// listen takes the ports first: a port in use is told before anything else happens.
func (r *router) listen() (err error) {
	if r.server, err = net.Listen("tcp", r.config.Server.Listen); err != nil {
		return fmt.Errorf("open server.listen: %w", err)
	}
	if r.admin, err = net.Listen("tcp", r.config.Admin.Listen); err != nil {
		return fmt.Errorf("open admin.listen: %w", err)
	}
	return nil
}

func (r *router) openJournal(ctx context.Context) (err error) {
	c := r.config.Journal
	metrics := sqlite.NewMetrics(r.registry)
	known := map[string]bool{}
	for _, p := range r.config.Plugins {
		known[p.Name] = true
	}
	metrics.Init(slices.Sorted(maps.Keys(known))...)
	r.journal, err = sqlite.Open(ctx, c.Path, sqlite.Options{
		MaxBytes: c.MaxBytes, Retention: c.Retention, DedupeWindow: c.DedupeWindow, Log: r.Log, Metrics: metrics,
	})
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	registerDiskFree(r.registry, c.Path)
	stats, err := r.journal.Stats(ctx)
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	for name, s := range stats.Plugins {
		if s.Pending > 0 && !known[name] {
			r.Log.Warn("deliveries are owed to a plugin that is not configured: they wait until it is", "plugin", name, "pending", s.Pending)
		}
	}
	return nil
}

// deliveries is the group of the plugins and of what delivers to them: at the end a plugin must hear that no more will come
// while its last results are still taken.
const deliveries = "deliveries"

// startPlugins starts every plugin and, when all of them are up, the deliveries to them.
func (r *router) startPlugins(ctx context.Context) error {
	hostMetrics, dispatchMetrics := pluginhost.NewMetrics(r.registry), dispatch.NewMetrics(r.registry)
	for _, p := range r.config.Plugins {
		hostMetrics.Init(p.Name)
		dispatchMetrics.Init(p.Name)
		spec := pluginSpec(p)
		spec.DataDir = filepath.Join(filepath.Dir(r.config.Journal.Path), "plugins", p.Name)
		plugin := pluginhost.New(spec, pluginhost.Options{Log: r.Log, Metrics: hostMetrics})
		r.plugins = append(r.plugins, plugin)
		r.services.startIn(ctx, deliveries, fmt.Sprintf("plugin %q", p.Name), plugin.Run)
	}
	for _, plugin := range r.plugins {
		if err := plugin.WaitReady(ctx); err != nil {
			return err
		}
	}
	effects := newEffects(r.registry, r.intake, r.sources)
	for i, p := range r.config.Plugins {
		d := dispatch.New(dispatch.Options{
			Plugin: p.Name, Journal: r.journal, Target: target{r.plugins[i]}, Concurrency: p.Concurrency,
			Rate: dispatch.Rate(p.Rate), Effects: effects, Log: r.Log, Metrics: dispatchMetrics,
		})
		name := fmt.Sprintf("dispatch to plugin %q", p.Name)
		r.services.startIn(ctx, deliveries, name, func(ctx context.Context) error {
			if err := d.Run(ctx); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	return nil
}

func (r *router) startSources(ctx context.Context) error {
	for _, s := range r.sources {
		info := s.Info()
		if len(info.Insecure) > 0 {
			r.metrics.InsecureOptions.Add(float64(len(info.Insecure)))
			r.Log.Warn("insecure options in force", "source", info.Name, "options", info.Insecure)
		}
		durability := "disk"
		if info.Memory {
			durability = "memory"
		}
		r.metrics.Durability.WithLabelValues(durability).Set(1)
		r.Log.Info("source mounted", "source", info.Name, "kind", info.Kind, "url", r.config.Server.Scheme()+"://"+r.server.Addr().String()+info.Path,
			"durability", durability)
		r.services.start(ctx, fmt.Sprintf("source %q", info.Name), s.Run)
	}
	server, err := source.NewServer(source.ServerOptions{
		TLS: (*source.TLS)(r.config.Server.TLS), Sources: r.sources,
		Log: r.Log, Metrics: r.counts, InFlight: int64(r.config.Server.MaxRequests), DrainTime: requestDrain,
	})
	if err != nil {
		return err
	}
	r.services.start(ctx, "server", func(ctx context.Context) error { return server.Run(ctx, r.server) })
	return nil
}

// checks are what readiness depends on. A plugin that is down is shown; deliveries to it wait, so the router stays ready.
func (r *router) checks() []admin.Check {
	checks := []admin.Check{{Name: "journal", Probe: r.journalTakes}}
	for i, p := range r.config.Plugins {
		checks = append(checks, admin.Check{Name: "plugin " + p.Name, Probe: up(r.plugins[i]), Informative: true})
	}
	return checks
}

// journalTakes returns nil while the journal takes events.
func (r *router) journalTakes() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	stats, err := r.journal.Stats(ctx)
	if err != nil {
		return err
	}
	if stats.Bytes >= stats.Limit {
		return fmt.Errorf("%w: %d of %d bytes", journal.ErrFull, stats.Bytes, stats.Limit)
	}
	return nil
}

// up returns nil while a plugin takes deliveries.
func up(p *pluginhost.Plugin) func() error {
	return func() error {
		switch s := p.Status(); {
		case s.State == pluginhost.Ready:
			return nil
		case s.LastError != nil:
			return fmt.Errorf("%s: %w", s.State, s.LastError)
		default:
			return errors.New(string(s.State))
		}
	}
}

// close releases what is not a service, also after a start that failed half way.
func (r *router) close() error {
	var errs []error
	if r.journal != nil {
		errs = append(errs, r.journal.Close())
	}
	for _, ln := range []net.Listener{r.server, r.admin} {
		if ln == nil {
			continue
		}
		if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// invalid turns what a plugin said about its settings into diagnostics at their lines.
func (r *router) invalid(refused *pluginhost.ConfigError) error {
	for _, p := range r.config.Plugins {
		if p.Name != refused.Plugin {
			continue
		}
		for _, d := range refused.Diagnostics {
			p.Diagnose(d)
		}
	}
	return &InvalidError{Config: r.config, Diagnostics: r.diags}
}

// loopback says whether only this machine reaches a listener.
func loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

func sourcesByRule(c *config.Config) map[string][]string {
	out := map[string][]string{}
	for _, r := range c.Rules {
		for _, s := range r.On {
			out[r.Name] = append(out[r.Name], s.Name)
		}
	}
	return out
}
