package testbed

import (
	"context"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/plugins/sdk/testenv/server"
)

// Command returns a subcommand that calls run in a folder of its own. It has the flags for that folder and for bin, the folder with
// the programs under test.
func Command(name, short string, bin *string, run func(ctx context.Context, dir string) error) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return InDir(dir, name, func(dir string) error { return run(cmd.Context(), dir) })
		},
	}
	cmd.Flags().StringVar(bin, "bin", "out/bin", "folder with pointsman and its plugins, built by make out/bin")
	cmd.Flags().StringVar(&dir, "dir", "", "folder for the run's files (default: a temporary one, removed after success)")
	return cmd
}

// bareName is the hidden subcommand that serves the baseline of a benchmark.
const bareName = "bare"

// BareCommand serves the baseline of a benchmark at the address in its argument. A benchmark runs it as a separate process, because the
// router does not share a Go runtime with the client either.
func BareCommand(serve func(address string) error) *cobra.Command {
	return &cobra.Command{
		Use: bareName + " <address>", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ended := make(chan error, 1)
			go func() { ended <- serve(args[0]) }()
			select {
			case err := <-ended:
				return err
			case <-cmd.Context().Done(): // the program catches SIGTERM, by which the benchmark stops it
				return nil
			}
		},
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
