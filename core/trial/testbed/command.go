package testbed

import (
	"context"
	"os"
	"os/exec"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pointsman/pointsman/plugins/sdk/testenv/server"
)

// BinFlag adds the flag for the folder with the programs under test.
func BinFlag(flags *pflag.FlagSet, bin *string) {
	flags.StringVar(bin, "bin", "out/bin", "folder with pointsman and its plugins, built by make out/bin")
}

// DirFlag adds the flag for the folder of a run's files.
func DirFlag(flags *pflag.FlagSet, dir *string) {
	flags.StringVar(dir, "dir", "", "folder for the run's files (default: a temporary one, removed after success)")
}

// bareName is the hidden subcommand that serves the baseline of a benchmark.
const bareName = "bare"

// BareCommand serves the baseline of a benchmark at the address in its argument. A benchmark runs it as a separate process, because the
// router does not share a Go runtime with the client either.
func BareCommand(serve func(address string) error) *cobra.Command {
	return &cobra.Command{
		Use: bareName + " <address>", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return serve(args[0]) },
	}
}

// StartBare runs the BareCommand of the given subcommand and returns its host:port once it responds to requests for path.
func StartBare(ctx context.Context, subcommand, path string) (address string, p *server.Process, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	if address, err = server.FreeAddress(); err != nil {
		return "", nil, err
	}
	cmd := exec.Command(self, subcommand, bareName, address)
	cmd.Stderr = os.Stderr
	p, err = server.Start(ctx, cmd, "http://"+address+path)
	return address, p, err
}
