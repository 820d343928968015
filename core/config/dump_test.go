package config

import (
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// dump is a configuration as JSON: secrets hidden, expressions as their source text.
func dump(t *testing.T, c *Config) any {
	t.Helper()
	rules := []any{}
	for _, r := range c.Rules {
		rules = append(rules, dumpRule(t, r))
	}
	sources, plugins := []any{}, []any{}
	for _, s := range c.Sources {
		source := map[string]any{"kind": s.Kind, "name": s.Name, "settings": s.origin.settings.tree(false)}
		if s.Sensitive {
			source["sensitive"] = true
		}
		sources = append(sources, source)
	}
	for _, p := range c.Plugins {
		plugins = append(plugins, dumpPlugin(p))
	}
	return map[string]any{
		"server": c.Server, "plugins_dir": c.PluginsDir, "files": c.Files,
		"admin": map[string]any{"listen": c.Admin.Listen, "tokens": len(c.Admin.Tokens), "socket": c.AdminSocket()},
		"journal": map[string]any{
			"path": c.Journal.Path, "max_bytes": c.Journal.MaxBytes,
			"retention": c.Journal.Retention.String(), "dedupe_window": c.Journal.DedupeWindow.String(),
		},
		"sources": sources, "plugins": plugins, "rules": rules,
	}
}

func dumpPlugin(p *Plugin) any {
	return map[string]any{
		"kind": p.Kind, "name": p.Name, "path": p.Path, "sha256": p.SHA256, "concurrency": p.Concurrency,
		"rate": map[string]any{"n": p.Rate.N, "per": p.Rate.Per.String()}, "timeout": p.Timeout.String(),
		"env": p.Env, "tls": p.TLS, "settings": p.origin.settings.tree(false),
	}
}

func dumpRule(t *testing.T, r *Rule) any {
	t.Helper()
	dispatches, on := []any{}, []string{}
	for _, s := range r.On {
		on = append(on, s.Name)
	}
	for _, d := range r.Dispatches {
		order := ""
		if d.OrderBy != nil {
			order = sourceText(t, d.OrderBy.Range())
		}
		dispatches = append(dispatches, map[string]any{
			"plugin": d.Plugin.Name, "index": d.Index, "timeout": d.Policy.Timeout.String(), "order_by": order, "description": d.Description,
			"retry": map[string]any{
				"max_attempts": d.Policy.MaxAttempts, "max_age": d.Policy.MaxAge.String(),
				"min_backoff": d.Policy.MinBackoff.String(), "max_backoff": d.Policy.MaxBackoff.String(),
			},
			"arguments": dumpArguments(t, d.Arguments, d.Blocks),
		})
	}
	rule := map[string]any{
		"name": r.Name, "description": r.Description, "on": on, "when": sourceText(t, r.When.Range()), "dispatches": dispatches,
	}
	for name, set := range map[string]bool{"disabled": !r.Enabled, "shadow": r.Shadow, "fallback": r.Fallback} {
		if set {
			rule[name] = true
		}
	}
	if r.Sample != 1 {
		rule["sample"] = r.Sample
	}
	if r.each != cty.NilVal {
		rule["each"] = ctyjson.SimpleJSONValue{Value: r.each}
	}
	return rule
}

func dumpArguments(t *testing.T, attrs hcl.Attributes, blocks []*ArgumentBlock) any {
	t.Helper()
	m := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		m[name] = sourceText(t, attrs[name].Expr.Range())
	}
	list := []any{}
	for _, b := range blocks {
		list = append(list, map[string]any{b.Name: dumpArguments(t, b.Arguments, b.Blocks)})
	}
	if len(list) > 0 {
		m["blocks"] = list
	}
	return m
}

func sourceText(t *testing.T, rng hcl.Range) string {
	t.Helper()
	b, err := os.ReadFile(rng.Filename)
	if err != nil {
		t.Fatal(err)
	}
	return string(rng.SliceBytes(b))
}
