package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// longFlags writes the flags of a command line with two dashes where they have one: Terraform, HCL's own tools and Go's flag package
// write -check, and people bring that with them. What is no name of a flag stays as it is.
func longFlags(root *cobra.Command, args []string) []string {
	cmd, _, err := root.Find(args)
	if err != nil {
		return args // cobra reports it
	}
	cmd.InitDefaultHelpFlag()
	out := make([]string, 0, len(args))
	for i, arg := range args {
		if arg == "--" {
			return append(out, args[i:]...)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if len(name) > 1 && strings.HasPrefix(arg, "-") && (cmd.Flags().Lookup(name) != nil || cmd.InheritedFlags().Lookup(name) != nil) {
			arg = "-" + arg
		}
		out = append(out, arg)
	}
	return out
}
