package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/pluginhost"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// statusLimit bounds the wait for the journal's statistics.
const statusLimit = 5 * time.Second

// Status implements admin.Router.
func (r *router) Status(ctx context.Context) (*adminv1.GetStatusResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, statusLimit)
	defer cancel()
	stats, err := r.journal.Stats(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the journal's statistics: %w", err)
	}
	last := r.reloads.last.Load() // before the generation, so that a reload that has succeeded is never shown with the one before it
	g, now := r.current.Load(), r.rates.counts()
	s := &adminv1.GetStatusResponse{
		Version: r.Version, Started: timestamppb.New(r.started), Generation: g.describe(), LastReload: last,
		Journal: r.journalStatus(stats), Sources: r.sourceStatus(g, now), Plugins: r.pluginStatus(g, now, stats), Rules: ruleStatus(g, now),
		InsecureOptions: r.insecureOptions(g), ServerAddress: r.listener.Addr().String(), AdminAddress: r.adminListener.Addr().String(),
	}
	s.Health, s.Problems = r.judge(s)
	return s, nil
}

func (r *router) journalStatus(stats journal.Stats) *adminv1.JournalStatus {
	j := &adminv1.JournalStatus{
		Path: r.lasting.Journal.Path, Durability: "disk", Bytes: stats.Bytes, LimitBytes: stats.Limit, Events: stats.Events,
		Quarantined: stats.Quarantined, DiskFreeBytes: int64(diskFree(r.lasting.Journal.Path)),
	}
	if err := r.journalTakes(); err != nil {
		j.Error = err.Error()
	}
	return j
}

func (r *router) sourceStatus(g *generation, now counts) (all []*adminv1.Source) {
	for _, s := range g.sources {
		info := s.Info()
		accepted := counter{metric: metricAccepted, name: info.Name}
		all = append(all, &adminv1.Source{
			Name: info.Name, Kind: info.Kind, Url: r.lasting.Server.Scheme() + "://" + r.listener.Addr().String() + info.Path,
			Durability: durability(info), Accepted: int64(now[accepted]), Rate: r.rates.perSecond(now, accepted),
			Duplicates:  int64(now[counter{metric: metricDuplicates, name: info.Name}]),
			Quarantined: int64(now[counter{metric: metricQuarantined, name: info.Name}]),
			Refused:     int64(now.refused(info.Name)),
		})
	}
	return all
}

// pluginStatus describes the configured plugins, and then those that are not configured and to which deliveries are still owed.
func (r *router) pluginStatus(g *generation, now counts, stats journal.Stats) (all []*adminv1.Plugin) {
	for _, p := range g.plugins {
		status := p.Status()
		done := counter{metricAttempts, p.block.Name, "done"}
		plugin := &adminv1.Plugin{
			Name: p.block.Name, Kind: p.block.Kind, State: string(status.State), Since: timestamppb.New(status.Since),
			Version: status.Version, Sha256: status.SHA256, Pid: int64(status.Pid),
			Restarts:  int64(now[counter{metric: metricRestarts, name: p.block.Name}]),
			Delivered: int64(now[done]), Rate: r.rates.perSecond(now, done),
		}
		if status.LastError != nil {
			plugin.LastError = strings.TrimPrefix(status.LastError.Error(), fmt.Sprintf("plugin %q: ", p.block.Name))
			plugin.LastErrorTime = timestamppb.New(status.LastErrorTime)
		}
		all = append(all, plugin)
	}
	var gone []*adminv1.Plugin
	for name, s := range stats.Plugins {
		i := slices.IndexFunc(all, func(p *adminv1.Plugin) bool { return p.GetName() == name })
		if i >= 0 {
			owe(all[i], s)
		} else if s.Pending > 0 || s.Dead > 0 {
			p := &adminv1.Plugin{Name: name, State: "not-configured"}
			owe(p, s)
			gone = append(gone, p)
		}
	}
	slices.SortFunc(gone, func(a, b *adminv1.Plugin) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return append(all, gone...)
}

// owe sets what the journal holds for a plugin.
func owe(p *adminv1.Plugin, s journal.PluginStats) {
	p.Pending, p.Dead = s.Pending, s.Dead
	if !s.OldestPending.IsZero() {
		p.OldestPending = timestamppb.New(s.OldestPending)
	}
	if !s.OldestDead.IsZero() {
		p.OldestDead = timestamppb.New(s.OldestDead)
	}
}

func ruleStatus(g *generation, now counts) (all []*adminv1.Rule) {
	for _, rule := range g.config.Rules {
		r := &adminv1.Rule{
			Name: rule.Name, Position: fmt.Sprintf("%s:%d", rule.DeclRange.Filename, rule.DeclRange.Start.Line),
			Matched:    int64(now[counter{metricEvaluations, rule.Name, "match"}]),
			NotMatched: int64(now[counter{metricEvaluations, rule.Name, "no_match"}]),
			Failed:     int64(now[counter{metricEvaluations, rule.Name, "error"}]),
			Shadow:     int64(now[counter{metricEvaluations, rule.Name, "shadow"}]),
			Mode:       mode(rule), Fallback: rule.Fallback, Sample: rule.Sample,
		}
		for _, s := range rule.On {
			r.Sources = append(r.Sources, s.Name)
		}
		all = append(all, r)
	}
	return all
}

func mode(r *config.Rule) string {
	switch {
	case !r.Enabled:
		return "disabled"
	case r.Shadow:
		return "shadow"
	}
	return "live"
}

// insecureOptions names the options in force that weaken security. Their number is a metric.
func (r *router) insecureOptions(g *generation) (all []string) {
	if !loopback(r.adminListener.Addr()) {
		all = append(all, "admin.listen is open to the network")
	}
	for _, s := range g.sources {
		info := s.Info()
		for _, option := range info.Insecure {
			all = append(all, fmt.Sprintf("source %q: %s", info.Name, option))
		}
	}
	return all
}

// judge returns the health of the router, and its problems, worst first.
func (r *router) judge(s *adminv1.GetStatusResponse) (adminv1.Health, []string) {
	var failing, degraded []string
	if e := s.GetJournal().GetError(); e != "" {
		failing = append(failing, "events are not accepted: "+e)
	}
	if e := s.GetLastReload().GetError(); e != "" {
		degraded = append(degraded, fmt.Sprintf("the last reload failed, generation %d stays in force: %s", s.GetGeneration().GetNumber(), e))
	}
	r.failures.Range(func(name, err any) bool {
		degraded = append(degraded, fmt.Sprintf("source %q does not work: %v", name, err))
		return true
	})
	for _, p := range s.GetPlugins() {
		degraded = append(degraded, pluginProblems(p)...)
	}
	switch {
	case len(failing) > 0:
		return adminv1.Health_HEALTH_FAILING, append(failing, degraded...)
	case len(degraded) > 0:
		return adminv1.Health_HEALTH_DEGRADED, degraded
	}
	return adminv1.Health_HEALTH_OK, nil
}

func pluginProblems(p *adminv1.Plugin) (all []string) {
	switch p.GetState() {
	case string(pluginhost.Ready):
	case "not-configured":
		if p.GetPending() > 0 {
			all = append(all, fmt.Sprintf("%d deliveries wait for plugin %q, which is not configured", p.GetPending(), p.GetName()))
		}
	default:
		text := fmt.Sprintf("plugin %q is %s", p.GetName(), p.GetState())
		if p.GetLastError() != "" {
			text += ": " + p.GetLastError()
		}
		all = append(all, text+waitsFor[p.GetState()])
	}
	if n := p.GetDead(); n > 0 {
		all = append(all, fmt.Sprintf("%s for plugin %q: see pointsman dead list --plugin %s", several(n, "dead letter"), p.GetName(), p.GetName()))
	}
	return all
}

// waitsFor describes when a plugin in a state is started again.
var waitsFor = map[string]string{
	string(pluginhost.Backoff):      "; it is started again in a moment",
	string(pluginhost.Suspended):    "; it is started again ten minutes after that, at a reload, or by pointsman plugins restart",
	string(pluginhost.FailedConfig): "; it is started again ten minutes after that, at a reload, or by pointsman plugins restart",
}
