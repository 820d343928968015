package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/core/config"
)

func newPlugin(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plugin",
		Short: "Run a configured plugin's program by hand; `plugins` is about those that run",
		Args:  groupOnly,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPluginRun(s))
	return cmd
}

// pluginRunFlags are the flags of `plugin run`.
type pluginRunFlags struct {
	configFlags
	logFlags
	config string
}

func newPluginRun(s streams) *cobra.Command {
	var f pluginRunFlags
	cmd := &cobra.Command{
		Use:   "run [flags] <plugin> <command> [argument...]",
		Short: "Run a command of a plugin's program with the settings of its block",
		Long: `Run a command of a plugin's program with the settings of its block in the configuration.

The program reads the settings from its standard input ("--settings -"), so that secrets are not printed, written to disk or
visible in the process list. The router may keep running. Flags after the name of the plugin belong to its command;
"pointsman-plugin-<kind> help" lists a plugin's commands.`,
		Example: `  pointsman plugin run backup reconcile --dry-run              # what differs between the two buckets?
  pointsman plugin run --config /etc/pointsman backup reconcile   # from a timer`,
		Args: atLeast("plugin", "command"),
		RunE: func(cmd *cobra.Command, given []string) error { return f.run(cmd.Context(), s, given) },
	}
	names := completeFromConfig(&f.configFlags, &f.config, func(c *config.Config) (names []string) {
		for _, p := range c.Plugins {
			names = append(names, p.Name)
		}
		return names
	})
	cmd.ValidArgsFunction = func(cmd *cobra.Command, given []string, begun string) ([]string, cobra.ShellCompDirective) {
		switch len(given) {
		case 0:
			return names(cmd, given, begun)
		case 1:
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return filesOnly(cmd, given, begun)
	}
	flags := cmd.Flags()
	flags.SetInterspersed(false)
	flags.StringVar(&f.config, "config", defaultConfig, "configuration file or directory with the plugin's block")
	f.configFlags.register(flags)
	f.logFlags.register(flags)
	return cmd
}

func (f *pluginRunFlags) run(ctx context.Context, s streams, given []string) error {
	o := f.options([]string{f.config})
	var err error
	if o.Log, err = f.logger(s.err); err != nil {
		return err
	}
	color, err := useColor(f.color, s.err)
	if err != nil {
		return err
	}
	p, diags, err := app.FindPlugin(ctx, o, given[0])
	if diags != nil {
		return errors.Join(writeDiagnostics(s.err, diags, color, "Give the router's configuration with --config."), errReported)
	}
	if err != nil {
		return &exitError{code: exitNotFound, err: err}
	}
	return runPlugin(ctx, s, p, given[1], given[2:])
}

// runPlugin runs the plugin's program and returns its exit code as ours. When ctx ends it sends SIGTERM instead of SIGKILL, so
// that the program can stop in order.
func runPlugin(ctx context.Context, s streams, p *config.Plugin, command string, arguments []string) error {
	program, err := filepath.Abs(p.Path)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, append([]string{command, "--settings", "-"}, arguments...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(p.Settings), s.out, s.err
	cmd.Env = os.Environ()
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.Exited():
		return &exitError{code: exit.ExitCode(), err: errReported}
	}
	return fmt.Errorf("%s %s: %w", p.Path, command, err)
}
