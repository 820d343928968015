package main

import (
	"context"
	"io"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// completionTimeout is how long a shell waits for names.
const completionTimeout = time.Second

// completer completes an argument or the value of a flag.
type completer = func(cmd *cobra.Command, given []string, begun string) ([]string, cobra.ShellCompDirective)

// completeFlag makes the shell complete the value of a flag, if it is one with known values.
func (c *clientFlags) completeFlag(cmd *cobra.Command, flag string) {
	values := map[string]completer{
		"source": c.complete(sourceNames),
		"rule":   c.complete(ruleNames),
		"plugin": c.complete(pluginNames),
		"state":  cobra.FixedCompletions(eventStates, cobra.ShellCompDirectiveNoFileComp),
		"reason": cobra.FixedCompletions(deadReasons, cobra.ShellCompDirectiveNoFileComp),
	}[flag]
	if values == nil {
		values = cobra.NoFileCompletions
	}
	// It fails only for a flag that does not exist or has a completion already, which tests would notice.
	_ = cmd.RegisterFlagCompletionFunc(flag, values)
}

// complete offers names of the running router. Without one it offers nothing and says nothing.
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
