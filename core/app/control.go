package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/rule"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

var _ admin.Router = (*router)(nil)

// Replay implements admin.Router. The new event has the envelope of the old one; its age, and that of its deliveries, counts from
// now.
func (r *router) Replay(ctx context.Context, e *journal.EventRecord, rules []string, dryRun bool) (*admin.Replayed, error) {
	g := r.current.Load()
	if err := g.knowsRules(rules); err != nil {
		return nil, err
	}
	env, err := envelopeOf(e)
	if err != nil || env == nil {
		return &admin.Replayed{}, err
	}
	deliveries := newDeliveries(g.rules.Match(env), g.number)
	if len(rules) > 0 {
		deliveries = slices.DeleteFunc(deliveries, func(d journal.NewDelivery) bool { return !slices.Contains(rules, d.Rule) })
	}
	out := &admin.Replayed{Deliveries: len(deliveries)}
	if dryRun || len(deliveries) == 0 {
		return out, nil
	}
	entry := journal.Entry{
		Source: e.Source, ID: e.ID, Type: e.Type, Subject: e.Subject, Received: time.Now(), Envelope: e.Envelope, ReplayOf: e.Seq,
		Deliveries: deliveries,
	}
	appended, err := r.journal.Append(ctx, journal.Disk, []journal.Entry{entry})
	if err != nil {
		return nil, fmt.Errorf("append to journal: %w", err)
	}
	out.Seq = appended[0].Seq
	r.intake.reportDead(ctx, g.number, &entry, env.GetSensitive())
	return out, nil
}

// knowsRules returns an error if one of the rules is not in force.
func (g *generation) knowsRules(names []string) error {
	var known []string
	for _, rule := range g.config.Rules {
		known = append(known, rule.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%w: generation %d has no rule %q: it has %s", admin.ErrInvalid, g.number, name, orNone(known))
		}
	}
	return nil
}

// orNone joins names for an error, but not all of a long list.
func orNone(names []string) string {
	const most = 20
	if len(names) == 0 {
		return "none"
	}
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

// plugin returns the configured plugin called name.
func (g *generation) plugin(name string) (*runningPlugin, error) {
	var known []string
	for _, p := range g.plugins {
		if p.block.Name == name {
			return p, nil
		}
		known = append(known, p.block.Name)
	}
	return nil, fmt.Errorf("%w: plugin %q is not configured; configured: %s", admin.ErrNotFound, name, orNone(known))
}

// Condition implements admin.Router. The expression is compiled for each source; one that makes no sense for any of them is
// refused.
func (r *router) Condition(expression string) (admin.Condition, error) {
	g := r.current.Load()
	bySource := map[string]func(*pointsmanv1.Envelope) (bool, error){}
	var refused error
	for _, s := range g.config.Sources {
		test, err := rule.Condition(g.config, config.ParseExpression("match", expression), s)
		if err != nil {
			refused = cmp.Or(refused, err)
			continue
		}
		bySource[s.Name] = test
	}
	if len(bySource) == 0 {
		if refused == nil {
			refused = errors.New("there is no source")
		}
		return nil, fmt.Errorf("%w: %w", admin.ErrInvalid, refused)
	}
	return func(source string, envelope []byte) (bool, error) {
		test := bySource[source]
		if test == nil {
			return false, nil // the expression reads what events of this source do not have
		}
		env := new(pointsmanv1.Envelope)
		if err := proto.Unmarshal(envelope, env); err != nil {
			return false, fmt.Errorf("decode an event of source %q: %w", source, err)
		}
		return test(env)
	}, nil
}

// restartLimit is how long RestartPlugin waits. The start of a process and its configuration have limits of their own.
const restartLimit = 45 * time.Second

// RestartPlugin implements admin.Router.
func (r *router) RestartPlugin(ctx context.Context, name string) error {
	p, err := r.current.Load().plugin(name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, restartLimit)
	defer cancel()
	if err := p.RestartNow()(ctx); err != nil {
		return fmt.Errorf("%w: the plugin was restarted and is not ready: %w", admin.ErrPrecondition, err)
	}
	return nil
}

// PluginLogs implements admin.Router.
func (r *router) PluginLogs(name string) (*adminv1.GetPluginLogsResponse, error) {
	p, err := r.current.Load().plugin(name)
	if err != nil {
		return nil, err
	}
	return &adminv1.GetPluginLogsResponse{Text: p.Logs(), Panic: p.LastPanic()}, nil
}
