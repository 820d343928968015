package main

import (
	"context"
	"fmt"
	"slices"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// warnUnknown prints to standard error which of the selected source, rules and plugin the running router does not know: a misspelled
// name selects nothing. A router that does not answer was or will be reported by the command itself.
func (l *selector) warnUnknown(ctx context.Context, s streams, c adminv1connect.AdminServiceClient, rules ...string) {
	if l.source == "" && l.rule == "" && l.plugin == "" && len(rules) == 0 {
		return
	}
	resp, err := c.GetStatus(ctx, connect.NewRequest(&adminv1.GetStatusRequest{}))
	if err != nil || fromJournal(resp.Msg) {
		return
	}
	unknown := func(kind, name string, known []string) {
		if name != "" && !slices.Contains(known, name) {
			fmt.Fprintf(s.err, "There is no %s called %q in generation %d.\n", kind, name, resp.Msg.GetGeneration().GetNumber())
		}
	}
	unknown("source", l.source, sourceNames(resp.Msg))
	for _, rule := range append(rules, l.rule) {
		unknown("rule", rule, ruleNames(resp.Msg))
	}
	unknown("plugin", l.plugin, pluginNames(resp.Msg))
}

// warnNotConfigured prints which of the selected dead letters wait, when they are retried, until their plugin is configured.
func warnNotConfigured(ctx context.Context, s streams, c adminv1connect.AdminServiceClient, filter *adminv1.DeliveryFilter) {
	resp, err := c.ListPlugins(ctx, connect.NewRequest(&adminv1.ListPluginsRequest{}))
	if err != nil {
		return
	}
	for _, p := range resp.Msg.GetPlugins() {
		if p.GetState() != notConfigured || p.GetDead() == 0 || filter.GetPlugin() != "" && filter.GetPlugin() != p.GetName() {
			continue
		}
		ofPlugin := proto.CloneOf(filter)
		ofPlugin.Plugin = p.GetName()
		found, err := c.ListDeliveries(ctx, connect.NewRequest(&adminv1.ListDeliveriesRequest{Filter: ofPlugin, PageSize: 1}))
		if err == nil && len(found.Msg.GetDeliveries()) > 0 {
			fmt.Fprintf(s.err, "Plugin %s is not configured: its dead letters wait until it is.\n", printable(p.GetName()))
		}
	}
}
