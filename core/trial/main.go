//go:build linux

// Command trial tests and benchmarks the router as a process: under load, with kills, against third-party servers and beside
// baselines. It runs on Linux only, because it reads /proc and polls thousands of connections with epoll.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/trial/bench"
	"github.com/pointsman/pointsman/core/trial/benchplan"
	"github.com/pointsman/pointsman/core/trial/benchrooms"
	"github.com/pointsman/pointsman/core/trial/benchs3"
	"github.com/pointsman/pointsman/core/trial/crash"
	"github.com/pointsman/pointsman/core/trial/e2ereload"
	"github.com/pointsman/pointsman/core/trial/e2erooms"
	"github.com/pointsman/pointsman/core/trial/e2es3"
	"github.com/pointsman/pointsman/core/trial/e2esns"
	"github.com/pointsman/pointsman/core/trial/redrive"
)

func main() {
	root := &cobra.Command{
		Use:           "trial",
		Short:         "Test and benchmark the router as a process",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(bench.Command(), benchplan.Command(), benchrooms.Command(), benchs3.Command(), crash.Command(), e2ereload.Command(), e2erooms.Command(), e2es3.Command(), e2esns.Command(),
		redrive.Command())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if cmd, err := root.ExecuteContextC(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", cmd.CommandPath(), err)
		os.Exit(1)
	}
}
