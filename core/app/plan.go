package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/pluginhost"
	"github.com/pointsman/pointsman/core/rule"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

const (
	maxPlanFiles    = 100
	maxPlanExamples = 3
)

var planFileName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,120}\.hcl$`)

// Plan implements admin.Router.
func (r *router) Plan(ctx context.Context, files []*adminv1.ConfigFile, events []journal.EventRecord) (*adminv1.PlanResponse, error) {
	p, diags, err := r.loadFiles(ctx, files)
	if err != nil {
		return nil, err
	}
	out := &adminv1.PlanResponse{Diagnostics: diags}
	if p.diags.HasErrors() {
		return out, nil
	}
	now, changes := r.current.Load().rules, planned{}
	for i := range events {
		if events[i].Quarantine != "" {
			continue
		}
		env := new(pointsmanv1.Envelope)
		if err := proto.Unmarshal(events[i].Envelope, env); err != nil {
			return nil, fmt.Errorf("decode event %d: %w", events[i].Seq, err)
		}
		changes.add(&events[i], env.GetSensitive(), now.Match(env), p.rules.Match(env))
		out.Events++
	}
	out.Changes = changes.list()
	return out, nil
}

// loadFiles loads a configuration that came with a request. It starts no source and no plugin, and runs only programs that are in
// force already: a caller of the API must not choose what the router executes.
func (r *router) loadFiles(ctx context.Context, files []*adminv1.ConfigFile) (p plan, diags []*adminv1.Diagnostic, err error) {
	dir, err := os.MkdirTemp("", "pointsman-plan-")
	if err != nil {
		return plan{}, nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := writeFiles(dir, files); err != nil {
		return plan{}, nil, err
	}
	o := r.Options
	o.Paths = []string{dir}
	p = loadWith(ctx, o, offlineSources(), r.describeInForce)
	for _, d := range messages(p.diags) {
		for _, text := range []*string{&d.File, &d.Detail, &d.Text} {
			*text = strings.ReplaceAll(*text, dir+string(filepath.Separator), "")
		}
		diags = append(diags, d)
	}
	return p, diags, nil
}

func writeFiles(dir string, files []*adminv1.ConfigFile) error {
	if len(files) == 0 || len(files) > maxPlanFiles {
		return fmt.Errorf("%w: give 1 to %d files", admin.ErrInvalid, maxPlanFiles)
	}
	for _, f := range files {
		path := filepath.Join(dir, f.GetName())
		if !planFileName.MatchString(f.GetName()) {
			return fmt.Errorf("%w: %q is no name of a file: use letters, digits, dots and dashes, with .hcl at the end", admin.ErrInvalid, f.GetName())
		}
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%w: two files are called %q", admin.ErrInvalid, f.GetName())
		}
		if err := os.WriteFile(path, []byte(f.GetText()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// describeInForce describes a program that a plugin of the generation in force runs.
func (r *router) describeInForce(ctx context.Context, p config.PluginRef) (*pluginv1.DescribeResponse, error) {
	for _, running := range r.current.Load().plugins {
		if running.spec.Path == p.Path {
			return pluginhost.Describe(ctx, pluginhost.Spec{Name: p.Name, Kind: p.Kind, Path: p.Path, SHA256: p.SHA256})
		}
	}
	return nil, fmt.Errorf("no plugin in force runs %s, and a plan runs no other program: reload with the plugin first", p.Path)
}

// planned collects what differs between two sets of rules, by rule and plugin.
type planned map[plannedKey]*adminv1.PlannedChange

type plannedKey struct{ rule, plugin string }

// add compares the deliveries that both sets make of one event.
func (c planned) add(e *journal.EventRecord, sensitive bool, now, then []rule.Delivery) {
	before, after := byBlock(now), byBlock(then)
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	for key := range keys {
		change := c[key]
		if change == nil {
			change = &adminv1.PlannedChange{Rule: key.rule, Plugin: key.plugin}
			c[key] = change
		}
		a, b := before[key], after[key]
		change.Now += int32(len(a))
		change.Planned += int32(len(b))
		for i := range max(len(a), len(b)) {
			x, y := at(a, i), at(b, i)
			if x != nil && y != nil {
				if sameDelivery(x, y) {
					continue
				}
				change.Different++
			}
			if len(change.Examples) < maxPlanExamples {
				change.Examples = append(change.Examples, &adminv1.PlannedExample{
					EventNumber: e.Seq, EventId: e.ID, Now: plannedDelivery(x, sensitive), Planned: plannedDelivery(y, sensitive),
				})
			}
		}
	}
}

// list returns the changes, without the rules for which nothing differs.
func (c planned) list() []*adminv1.PlannedChange {
	var all []*adminv1.PlannedChange
	for _, change := range c {
		if len(change.Examples) > 0 {
			all = append(all, change)
		}
	}
	slices.SortFunc(all, func(a, b *adminv1.PlannedChange) int {
		return cmp.Or(cmp.Compare(a.GetRule(), b.GetRule()), cmp.Compare(a.GetPlugin(), b.GetPlugin()))
	})
	return all
}

// byBlock leaves out what shadow rules would deliver.
func byBlock(deliveries []rule.Delivery) map[plannedKey][]rule.Delivery {
	m := map[plannedKey][]rule.Delivery{}
	for _, d := range deliveries {
		if d.Shadow {
			continue
		}
		key := plannedKey{d.Rule, d.Plugin}
		m[key] = append(m[key], d)
	}
	return m
}

// at returns nil beyond the end.
func at(list []rule.Delivery, i int) *rule.Delivery {
	if i < len(list) {
		return &list[i]
	}
	return nil
}

func sameDelivery(a, b *rule.Delivery) bool {
	return string(a.Arguments) == string(b.Arguments) && a.OrderKey == b.OrderKey && (a.Err == nil) == (b.Err == nil)
}

// plannedDelivery is a delivery as the API shows it; nil for none. What may quote a sensitive event is left out.
func plannedDelivery(d *rule.Delivery, sensitive bool) *adminv1.PlannedDelivery {
	if d == nil {
		return nil
	}
	out := &adminv1.PlannedDelivery{Plugin: d.Plugin}
	if sensitive {
		return out
	}
	out.OrderKey, out.ArgumentsJson = d.OrderKey, admin.MaskArguments(d.Arguments, d.Sensitive)
	if d.Err != nil {
		out.Error = d.Err.Error()
	}
	return out
}
