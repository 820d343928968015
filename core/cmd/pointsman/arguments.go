package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// groupOnly is for commands that only group others: it refuses an unknown command and suggests a similar one.
func groupOnly(cmd *cobra.Command, given []string) error {
	if len(given) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(given[0]); len(near) > 0 {
		return misused(cmd, "unknown command %q: did you mean %q?", given[0], near[0])
	}
	return misused(cmd, "unknown command %q", given[0])
}

// arguments wants an argument for each name, and no more.
func arguments(names ...string) cobra.PositionalArgs {
	return cobra.MatchAll(atLeast(names...), atMost(len(names)))
}

// atLeast wants an argument for each name.
func atLeast(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if len(given) < len(names) {
			return misused(cmd, "the argument <%s> is missing", names[len(given)])
		}
		return nil
	}
}

// atMost refuses arguments after the first n.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if len(given) > n {
			return misused(cmd, "unexpected argument %q", given[n])
		}
		return nil
	}
}

// misused is a usage error that names the --help of the command.
func misused(cmd *cobra.Command, format string, a ...any) error {
	return usageError(fmt.Errorf("%s\nRun '%s --help' for usage", fmt.Sprintf(format, a...), cmd.CommandPath()))
}
