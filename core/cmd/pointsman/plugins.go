package main

import (
	"context"
	"fmt"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

func newPlugins(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plugins",
		Short: "See the plugins of the router, restart them, read what they print",
		Long: `See the plugins of the router, restart them, read what they print.

To run a command of a plugin's own program, such as reconcile of s3-mirror, use "pointsman plugin run".`,
		Args: groupOnly,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPluginsList(s), newPluginsRestart(s), newPluginsLogs(s))
	return cmd
}

func newPluginsList(s streams) *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List plugins with their processes and what they are owed",
		Example: "  pointsman plugins list\n  pointsman plugins list --json | jq '.plugins[] | select(.state != \"ready\")'",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error {
				resp, err := c.ListPlugins(cmd.Context(), connect.NewRequest(&adminv1.ListPluginsRequest{}))
				if err != nil {
					return err
				}
				if f.asJSON {
					return writeJSON(s.out, resp.Msg)
				}
				listed(s, len(resp.Msg.GetPlugins()), "", "plugins", false)
				return writePlugins(s.out, resp.Msg.GetPlugins(), s.now(), f.journal != "")
			})
		},
	}
	f.registerReading(cmd)
	return cmd
}

func newPluginsRestart(s streams) *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:     "restart <plugin>",
		Short:   "End a plugin's process and start another one",
		Long:    "End a plugin's process and start another one. Its unfinished deliveries are delivered again.",
		Example: "  pointsman plugins restart ops",
		Args:    arguments("plugin"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error {
				return f.restart(cmd.Context(), s, c, given[0])
			})
		},
		ValidArgsFunction: f.completeOne(pluginNames),
	}
	f.register(cmd)
	return cmd
}

func (f *clientFlags) restart(ctx context.Context, s streams, c adminv1connect.AdminServiceClient, name string) error {
	resp, err := c.RestartPlugin(ctx, connect.NewRequest(&adminv1.RestartPluginRequest{Name: name}))
	if err != nil {
		return err
	}
	if f.asJSON {
		return writeJSON(s.out, resp.Msg)
	}
	line := "plugin " + printable(name) + " restarted"
	if state := resp.Msg.GetPlugin().GetState(); state != "" {
		line += ", it is " + printable(state)
	}
	_, err = fmt.Fprintln(s.out, line)
	return err
}

func newPluginsLogs(s streams) *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:   "logs <plugin>",
		Short: "Print the end of what a plugin printed, and why it crashed",
		Long: `Print the end of what a plugin's processes printed, at most 64 KiB, oldest first. If one crashed, its panic or fatal error stands
at the end once more.`,
		Example: "  pointsman plugins logs ops",
		Args:    arguments("plugin"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error {
				return f.logs(cmd.Context(), s, c, given[0])
			})
		},
		ValidArgsFunction: f.completeOne(pluginNames),
	}
	f.register(cmd)
	return cmd
}

func (f *clientFlags) logs(ctx context.Context, s streams, c adminv1connect.AdminServiceClient, name string) error {
	resp, err := c.GetPluginLogs(ctx, connect.NewRequest(&adminv1.GetPluginLogsRequest{Name: name}))
	if err != nil {
		return err
	}
	if f.asJSON {
		return writeJSON(s.out, resp.Msg)
	}
	if resp.Msg.GetText() == "" {
		fmt.Fprintf(s.err, "Plugin %s has printed nothing.\n", printable(name))
	}
	if _, err := fmt.Fprint(s.out, withLineEnd(printableText(resp.Msg.GetText()))); err != nil {
		return err
	}
	if crash := resp.Msg.GetPanic(); crash != "" {
		_, err = fmt.Fprintf(s.out, "\nThe last crash:\n%s", withLineEnd(printableText(crash)))
	}
	return err
}
