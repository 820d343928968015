package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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

// router holds what lasts from start to stop: the journal, the listeners with their servers, all metrics, and the generation in
// force. Everything that a configuration can change while the router runs belongs to a generation.
type router struct {
	Options
	// fail ends the router because of a part that failed.
	fail    func(error)
	lasting lasting

	registry        *prometheus.Registry
	metrics         *admin.Metrics
	journalMetrics  *sqlite.Metrics
	sourceMetrics   *source.Metrics
	hostMetrics     *pluginhost.Metrics
	dispatchMetrics *dispatch.Metrics
	ruleMetrics     *ruleMetrics
	health          *admin.Health

	kinds   []source.Kind
	intake  *intake
	effects *effects

	// current is nil until the first configuration is in force. previous is the generation before it, whose rules decide about
	// requests that one of its sources was still serving at the swap.
	current, previous atomic.Pointer[generation]
	// lastGeneration is the highest number in the journal at the start: numbers count on over restarts.
	lastGeneration int64
	// failures are the errors of sources that a reload has put into force and that do not work, by name.
	failures sync.Map

	started time.Time
	reloads reloads
	notify  notifier
	feed    *admin.Feed
	rates   *rates

	journal                 journal.Store
	listener, adminListener net.Listener
	socket                  net.Listener // of the admin API
	server                  *source.Server
	serving, adminServing   *service
	// housekeeping runs beside the data path.
	housekeeping []*service
}

// lasting is the part of a configuration that is fixed when the router starts.
type lasting struct {
	Server  config.Server
	Admin   config.Admin
	Journal config.Journal
}

func lastingPart(c *config.Config) lasting {
	return lasting{Server: c.Server, Admin: c.Admin, Journal: c.Journal}
}

// compare returns an error that names the blocks that c wants changed and that a running router cannot change.
func (l lasting) compare(c *config.Config) error {
	var blocks []string
	for name, same := range map[string]bool{
		"server":  reflect.DeepEqual(l.Server, c.Server),
		"admin":   reflect.DeepEqual(l.Admin, c.Admin),
		"journal": reflect.DeepEqual(l.Journal, c.Journal),
	} {
		if !same {
			blocks = append(blocks, name)
		}
	}
	if len(blocks) == 0 {
		return nil
	}
	slices.Sort(blocks)
	return fmt.Errorf("%s changed: restart the router to apply the new configuration", strings.Join(blocks, ", "))
}

// newRouter registers every metric and opens nothing.
func newRouter(o Options, fail func(error)) *router {
	reg := prometheus.NewRegistry()
	r := &router{
		Options: o, fail: fail, registry: reg, health: new(admin.Health),
		metrics: admin.NewMetrics(reg, o.Version), journalMetrics: sqlite.NewMetrics(reg), sourceMetrics: source.NewMetrics(reg),
		hostMetrics: pluginhost.NewMetrics(reg), dispatchMetrics: dispatch.NewMetrics(reg), ruleMetrics: newRuleMetrics(reg),
		kinds: sourceKinds(reg), started: time.Now(), reloads: newReloads(), notify: notifier{o.Log}, feed: admin.NewFeed(),
		rates: newRates(reg),
	}
	r.intake = &intake{generation: r.generationOf, log: o.Log, duration: r.ruleMetrics.duration}
	r.effects = newEffects(reg, r.intake, func() *roomTable { return r.current.Load().rooms })
	return r
}

// load reads the configuration and makes its sources, which do not run yet.
func (r *router) load(ctx context.Context) plan {
	return load(ctx, r.Options, newSourceMaker(r.kinds, source.Deps{Intake: r.intake, Log: r.Log, Metrics: r.sourceMetrics}))
}

// open brings up what lasts, except that the server does not serve yet: ports first, so that one in use is reported before
// anything else happens.
func (r *router) open(ctx context.Context, c *config.Config) (err error) {
	r.lasting = lastingPart(c)
	if r.listener, err = listen("server.listen", c.Server.Listen); err != nil {
		return err
	}
	if r.adminListener, err = listen("admin.listen", c.Admin.Listen); err != nil {
		return err
	}
	if err := r.openJournal(ctx, c.Journal); err != nil {
		return err
	}
	if r.socket, err = admin.ListenSocket(c.AdminSocket()); err != nil {
		return err
	}
	api := admin.NewService(admin.ServiceOptions{Journal: r.journal, Operator: r.journal, Router: r, Planner: r, Feed: r.feed, Log: r.Log})
	server := admin.New(admin.Options{Health: r.health, Gatherer: r.registry, Log: r.Log, API: api, Tokens: c.Admin.Tokens, Listen: c.Admin.Listen})
	r.adminServing = startService(ctx, "admin", func(ctx context.Context) error { return server.Run(ctx, r.adminListener, r.socket) })
	r.adminServing.watch(r.fail)
	r.server, err = source.NewServer(source.ServerOptions{
		TLS: (*source.TLS)(c.Server.TLS), Log: r.Log, Metrics: r.sourceMetrics,
		InFlight: int64(c.Server.MaxRequests), DrainTime: requestDrain,
		TrustedProxies: c.Server.TrustedProxies, ProxyProtocol: c.Server.ProxyProtocol,
	})
	return err
}

// listen opens the address of a setting. Its errors say what the reader of a terminal can do about the usual causes.
func listen(setting, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s %s is in use: stop the program that uses it, or set another address", setting, address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s %s: this user may not open ports below 1024: set a higher port, or give the program CAP_NET_BIND_SERVICE", setting, address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s %s is not an address of this machine: set one that is, or 0.0.0.0 for all", setting, address)
	}
	return nil, fmt.Errorf("%s: %w", setting, err)
}

// openJournal opens the embedded engine; another engine would be chosen here.
func (r *router) openJournal(ctx context.Context, c config.Journal) error {
	j, err := sqlite.Open(ctx, c.Path, sqlite.Options{
		MaxBytes: c.MaxBytes, Retention: c.Retention, DedupeWindow: c.DedupeWindow, Log: r.Log, Metrics: r.journalMetrics,
	})
	if err != nil {
		return err // it names the journal
	}
	r.journal = reportingJournal{j, r.feed}
	r.intake.journal = r.journal
	registerDiskFree(r.registry, c.Path)
	stats, err := j.Stats(ctx)
	r.lastGeneration = stats.Generation
	return err
}

// generationOf returns the generation whose rules decide about the events of a source: the one in force, or for a source that it
// does not have any more, the one before.
func (r *router) generationOf(source string) *generation {
	current := r.current.Load()
	if previous := r.previous.Load(); previous != nil && !current.hasSource(source) && previous.hasSource(source) {
		return previous
	}
	return current
}

// startHousekeeping starts what nothing on the data path waits for.
func (r *router) startHousekeeping(ctx context.Context) {
	r.housekeeping = []*service{
		startService(ctx, "rates", r.rates.Run),
		startService(ctx, "watchdog", func(ctx context.Context) error {
			return r.notify.watchdog(ctx, func() { _ = r.journalTakes() }) // A full disk is no reason for a restart.
		}),
	}
	if r.Watch {
		r.housekeeping = append(r.housekeeping, startService(ctx, "watch", r.watch))
	}
}

// serve takes requests from here on.
func (r *router) serve(ctx context.Context) {
	r.serving = startService(ctx, "server", func(ctx context.Context) error { return r.server.Run(ctx, r.listener) })
	r.serving.watch(r.fail)
}

// warnOfUnconfigured logs which plugins have pending deliveries although no block configures them.
func (r *router) warnOfUnconfigured(ctx context.Context) {
	stats, err := r.journal.Stats(ctx)
	if err != nil {
		r.Log.Warn("deliveries of plugins that are not configured were not counted", "err", err)
		return
	}
	for name, s := range stats.Plugins {
		configured := find(r.current.Load().plugins, func(p *runningPlugin) bool { return p.block.Name == name })
		if s.Pending > 0 && configured == nil {
			r.Log.Warn("deliveries are pending for a plugin that is not configured: they wait until it is", "plugin", name, "pending", s.Pending)
		}
	}
}

// stop stops what runs, in the order of the data path: requests are finished before the sources end, sources before the plugins
// and their dispatchers, which stop together because a plugin drains while its last results are still taken. It also works after
// a start that failed half way.
func (r *router) stop(ctx context.Context) error {
	errs := []error{stopServices(ctx, r.Log, r.housekeeping...), stopServices(ctx, r.Log, r.serving)}
	if g := r.current.Load(); g != nil {
		var sources, plugins []*service
		for _, s := range g.sources {
			sources = append(sources, s.run)
		}
		for _, p := range g.plugins {
			plugins = append(plugins, p.process, p.dispatch)
		}
		errs = append(errs, stopServices(ctx, r.Log, sources...), stopServices(ctx, r.Log, plugins...))
	}
	errs = append(errs, stopServices(ctx, r.Log, r.adminServing), r.close())
	return errors.Join(errs...)
}

// close releases the journal and the ports.
func (r *router) close() error {
	var errs []error
	if r.journal != nil {
		errs = append(errs, r.journal.Close())
	}
	for _, l := range []net.Listener{r.listener, r.adminListener, r.socket} {
		if l == nil {
			continue
		}
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// loopback reports whether only this machine reaches a listener.
func loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
