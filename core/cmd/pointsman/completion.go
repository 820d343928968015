package main

import (
	"context"
	"io"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/source/s3/s3send"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// completionTimeout is how long a shell waits for names.
const completionTimeout = time.Second

// completer completes an argument or the value of a flag.
type completer = func(cmd *cobra.Command, given []string, begun string) ([]string, cobra.ShellCompDirective)

// filesOnly completes names of files, as the shell does.
func filesOnly(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

func fixed(values ...string) completer {
	return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
}

// flagValues complete the flags that have the same values in every command.
var flagValues = map[string]completer{
	"color":             fixed("auto", "always", "never"),
	"log-level":         fixed("debug", "info", "warn", "error"),
	"log-format":        fixed("auto", "text", "json"),
	"action":            fixed("created", "updated", "deleted", "completed"),
	"resource-type":     fixed("measurement", "edge", "user"),
	"dialect":           fixed(s3send.Dialects()...),
	"event":             fixed(s3send.Events()...),
	"signature-version": fixed("1", "2"),
	"config":            filesOnly,
	"socket":            filesOnly,
	"token-file":        filesOnly,
	"journal":           filesOnly,
	"body":              filesOnly,
}

// completeFlags completes the flags in flagValues of a command and of those below it.
func completeFlags(cmd *cobra.Command) {
	for name, values := range flagValues {
		if cmd.Flags().Lookup(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, values) // it fails only for a flag that does not exist
		}
	}
	for _, c := range cmd.Commands() {
		completeFlags(c)
	}
}

// completeFromConfig offers names from a configuration, which may have errors elsewhere. It prints nothing.
func completeFromConfig(f *configFlags, path *string, names func(*config.Config) []string) completer {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		const nothingElse = cobra.ShellCompDirectiveNoFileComp
		if flagsFromEnv(cmd.Flags()) != nil {
			return nil, nothingElse
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), completionTimeout)
		defer cancel()
		c, _ := app.ReadConfig(ctx, f.options([]string{*path}))
		return names(c), nothingElse
	}
}

// completeFlag makes the shell complete the value of a flag, if it is one with known values.
func (c *clientFlags) completeFlag(cmd *cobra.Command, flag string) {
	values := map[string]completer{
		"source": c.complete(sourceNames),
		"rule":   c.complete(ruleNames),
		"plugin": c.complete(pluginNames),
		"state":  fixed(eventStates...),
		"reason": fixed(deadReasons...),
	}[flag]
	if values == nil {
		values = cobra.NoFileCompletions
	}
	// It fails only for a flag that does not exist or has a completion already, which tests would notice.
	_ = cmd.RegisterFlagCompletionFunc(flag, values)
}

// complete offers names of the running router. Without one it offers nothing and prints nothing.
func (c *clientFlags) complete(names func(*adminv1.GetStatusResponse) []string) completer {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		const nothingElse = cobra.ShellCompDirectiveNoFileComp
		if flagsFromEnv(cmd.Flags()) != nil {
			return nil, nothingElse
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), completionTimeout)
		defer cancel()
		var found []string
		err := c.use(ctx, streams{out: io.Discard, err: io.Discard}, func(client adminv1connect.AdminServiceClient) error {
			status, err := client.GetStatus(ctx, connect.NewRequest(&adminv1.GetStatusRequest{}))
			if err == nil {
				found = names(status.Msg)
			}
			return err
		})
		if err != nil {
			return nil, nothingElse
		}
		return found, nothingElse
	}
}

// completeOne completes a single argument.
func (c *clientFlags) completeOne(names func(*adminv1.GetStatusResponse) []string) completer {
	complete := c.complete(names)
	return func(cmd *cobra.Command, given []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(given) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, given, begun)
	}
}

func sourceNames(s *adminv1.GetStatusResponse) (names []string) {
	for _, x := range s.GetSources() {
		names = append(names, x.GetName())
	}
	return names
}

func ruleNames(s *adminv1.GetStatusResponse) (names []string) {
	for _, x := range s.GetRules() {
		names = append(names, x.GetName())
	}
	return names
}

func pluginNames(s *adminv1.GetStatusResponse) (names []string) {
	for _, x := range s.GetPlugins() {
		names = append(names, x.GetName())
	}
	return names
}
