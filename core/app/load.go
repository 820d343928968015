package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/pluginhost"
	"github.com/pointsman/pointsman/core/rule"
	"github.com/pointsman/pointsman/core/source"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Options are what every command gives the app.
type Options struct {
	// Paths are configuration files and directories.
	Paths []string
	// Files, if not nil, are the configuration instead of what Paths name.
	Files []config.File
	// Variables are the values of --var.
	Variables map[string]string
	// Version of the program, for metrics and logs.
	Version string
	Log     *slog.Logger
	// Warnings is called by Run with what is doubtful about a configuration that it is going to run.
	Warnings func(*config.Diagnostics)
	// Hangup makes Run load the configuration again each time it receives something. It may be nil.
	Hangup <-chan struct{}
	// Offline is for commands that judge a configuration where it does not run; see config.Options.
	Offline bool
	// Watch makes Run load the configuration again when its files change.
	Watch bool
}

// plan is a configuration as far as it could be understood, and all that is wrong with it.
type plan struct {
	config  *config.Config
	sources []source.Source
	rules   *rule.Set
	diags   *config.Diagnostics
}

// ReadConfig reads the configuration without asking any plugin: what is only known to a plugin is not checked.
func ReadConfig(ctx context.Context, o Options) (*config.Config, *config.Diagnostics) {
	return readConfig(ctx, o, offlineSources())
}

func readConfig(ctx context.Context, o Options, sources *sourceMaker) (*config.Config, *config.Diagnostics) {
	return config.Load(ctx, o.Paths, config.Options{
		Sources: sources.schemas(), MakeSource: sources.makeSource, Variables: o.Variables, Offline: o.Offline,
	})
}

// load reads the configuration, makes its sources, asks every plugin for its schemas and compiles the rules.
func load(ctx context.Context, o Options, sources *sourceMaker) plan {
	return loadWith(ctx, o, sources, describeProgram)
}

// describer describes a plugin's program.
type describer func(context.Context, config.PluginRef) (*pluginv1.DescribeResponse, error)

// describeProgram runs the program of a plugin to ask it for its schemas.
func describeProgram(ctx context.Context, p config.PluginRef) (*pluginv1.DescribeResponse, error) {
	return pluginhost.Describe(ctx, pluginhost.Spec{Name: p.Name, Kind: p.Kind, Path: p.Path, SHA256: p.SHA256})
}

func loadWith(ctx context.Context, o Options, sources *sourceMaker, describe describer) plan {
	cfg, diags := config.Load(ctx, o.Paths, config.Options{
		Sources: sources.schemas(), MakeSource: sources.makeSource, Files: o.Files, Variables: o.Variables, Offline: o.Offline, Describe: describe,
	})
	checkLimits(cfg, sources.made)
	rules, found := rule.Compile(cfg)
	diags.Append(found...)
	diags.Append(rules.Lint(time.Now())...)
	return plan{config: cfg, sources: sources.made, rules: rules, diags: diags}
}

// Validate checks everything that can be checked without starting anything that takes or delivers events: syntax, names,
// types, and each plugin's own judgement of its settings.
func Validate(ctx context.Context, o Options) (*config.Config, *config.Diagnostics) {
	p := load(ctx, o, offlineSources())
	for _, pl := range p.config.Plugins {
		if pl.Description == nil || pl.Settings == nil {
			continue // Its own error is reported already.
		}
		found, err := pluginhost.Check(ctx, pluginSpec(pl), pluginhost.Options{Log: o.Log})
		if err != nil {
			pl.Diagnose(problem("", "Plugin cannot be checked", err))
		}
		for _, d := range found {
			pl.Diagnose(d)
		}
	}
	return p.config, p.diags
}

// problem is an error about the setting at path, or about a block as a whole.
func problem(path, summary string, err error) *pluginv1.Diagnostic {
	return &pluginv1.Diagnostic{Severity: pluginv1.Diagnostic_SEVERITY_ERROR, Path: path, Summary: summary, Detail: err.Error()}
}

// InvalidError ends Run when the configuration can't be used.
type InvalidError struct {
	Config      *config.Config
	Diagnostics *config.Diagnostics
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("the configuration is invalid: %v", e.Diagnostics.Error())
}

// invalid turns a plugin's refusal of its settings into diagnostics at their lines.
func (p *plan) invalid(refused *pluginhost.ConfigError) error {
	for _, c := range p.config.Plugins {
		if c.Name != refused.Plugin {
			continue
		}
		for _, d := range refused.Diagnostics {
			c.Diagnose(d)
		}
	}
	return &InvalidError{Config: p.config, Diagnostics: p.diags}
}
