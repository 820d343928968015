package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/rule"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

const (
	maxPlanFiles    = 1000
	maxPlanFileName = 4096
)

// Plan implements admin.Planner.
func (r *router) Plan(ctx context.Context, req *adminv1.StreamPlanRequest) (admin.Comparison, []*adminv1.Diagnostic, error) {
	p := planner{options: r.Options, describe: r.describeInForce, before: decide(r.current.Load().rules)}
	return p.plan(ctx, req)
}

// describeInForce describes a program that a plugin of the generation in force runs: a caller of the API must not choose what the
// router executes.
func (r *router) describeInForce(ctx context.Context, p config.PluginRef) (*pluginv1.DescribeResponse, error) {
	for _, running := range r.current.Load().plugins {
		if running.spec.Path == p.Path {
			return describeProgram(ctx, p)
		}
	}
	return nil, fmt.Errorf("no plugin in force runs %s, and a plan runs no other program: reload with the plugin first", p.Path)
}

// stoppedPlanner plans over the journal of a router that does not run. It runs the programs of the plugins, as Validate does.
type stoppedPlanner struct{ options Options }

// Plan implements admin.Planner.
func (s stoppedPlanner) Plan(ctx context.Context, req *adminv1.StreamPlanRequest) (admin.Comparison, []*adminv1.Diagnostic, error) {
	p := planner{options: s.options, describe: describeProgram}
	return p.plan(ctx, req)
}

// planner makes comparisons. before is what a request is compared with that has no other configuration for it, nil for the recorded
// deliveries.
type planner struct {
	options  Options
	describe describer
	before   side
}

func (p *planner) plan(ctx context.Context, req *adminv1.StreamPlanRequest) (admin.Comparison, []*adminv1.Diagnostic, error) {
	if len(req.GetFiles()) == 0 {
		return nil, nil, fmt.Errorf("%w: give the files of a configuration", admin.ErrInvalid)
	}
	after, diags, err := p.load(ctx, req.GetFiles(), req.GetVariables())
	c := &comparison{before: p.before, after: after, recorded: p.before == nil}
	if len(req.GetAgainst()) > 0 && err == nil {
		var found []*adminv1.Diagnostic
		c.before, found, err = p.load(ctx, req.GetAgainst(), req.GetVariables())
		c.recorded = false
		diags = append(diags, slices.DeleteFunc(found, func(d *adminv1.Diagnostic) bool { return !isError(d) })...)
	}
	if err != nil || slices.ContainsFunc(diags, isError) {
		return nil, diags, err
	}
	if c.recorded {
		c.before = recordedDeliveries
	}
	return c, diags, nil
}

func isError(d *adminv1.Diagnostic) bool { return d.GetSeverity() == "error" }

// load compiles the rules of a configuration that came with a request. It starts no source and no plugin, and it needs no secret.
func (p *planner) load(ctx context.Context, files []*adminv1.ConfigFile, variables map[string]string) (side, []*adminv1.Diagnostic, error) {
	o := p.options
	o.Offline = true
	o.Variables = maps.Clone(o.Variables)
	if o.Variables == nil {
		o.Variables = map[string]string{}
	}
	maps.Copy(o.Variables, variables)
	var err error
	if o.Files, err = givenFiles(files); err != nil {
		return nil, nil, err
	}
	loaded := loadWith(ctx, o, offlineSources(), p.describe)
	return decide(loaded.rules), messages(loaded.diags), nil
}

func givenFiles(files []*adminv1.ConfigFile) ([]config.File, error) {
	if len(files) > maxPlanFiles {
		return nil, fmt.Errorf("%w: %d files, and %d are allowed", admin.ErrInvalid, len(files), maxPlanFiles)
	}
	seen := map[string]bool{}
	given := make([]config.File, 0, len(files))
	for _, f := range files {
		name := f.GetName()
		switch {
		case name == "" || len(name) > maxPlanFileName || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
			return nil, fmt.Errorf("%w: %.100q is no name of a file", admin.ErrInvalid, name)
		case seen[name]:
			return nil, fmt.Errorf("%w: two files are called %q", admin.ErrInvalid, name)
		}
		seen[name] = true
		given = append(given, config.File{Name: name, Text: []byte(f.GetText())})
	}
	return given, nil
}

// side is one side of a comparison: what is delivered because of an event.
type side func(*journal.EventRecord, *pointsmanv1.Envelope) []rule.Delivery

// decide has rules decide about an event once more.
func decide(rules *rule.Set) side {
	return func(_ *journal.EventRecord, env *pointsmanv1.Envelope) []rule.Delivery { return rules.Match(env) }
}

// recordedDeliveries are those that the event made when it came in.
func recordedDeliveries(e *journal.EventRecord, _ *pointsmanv1.Envelope) []rule.Delivery {
	out := make([]rule.Delivery, 0, len(e.Deliveries))
	for i := range e.Deliveries {
		d := &e.Deliveries[i]
		made := rule.Delivery{Rule: d.Rule, Plugin: d.Plugin, Arguments: d.Arguments, OrderKey: d.OrderKey, Sensitive: d.Sensitive}
		if d.Reason == journal.ReasonRuleError {
			made.Arguments, made.Err = nil, fmt.Errorf("%s", d.Error)
		}
		out = append(out, made)
	}
	return out
}
