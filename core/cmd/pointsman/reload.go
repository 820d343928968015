package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

func newReload(s streams) *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Make the router load its configuration again",
		Long: `Make the router load its configuration again, and say what changed. It reads the files that it was started with.

Everything is checked and new plugins are started before anything changes. If something is wrong the configuration in force stays,
and the command prints the mistakes and ends with exit code 1.`,
		Example: `  pointsman reload
  pointsman validate && pointsman reload --json`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error { return f.reload(cmd.Context(), s, c) })
		},
	}
	f.register(cmd)
	return cmd
}

func (f *clientFlags) reload(ctx context.Context, s streams, c adminv1connect.AdminServiceClient) error {
	resp, err := c.Reload(ctx, connect.NewRequest(&adminv1.ReloadRequest{}))
	if failure := reloadFailure(err); failure != nil {
		return f.reportFailure(s, err, failure)
	}
	if err != nil {
		return err
	}
	if f.asJSON {
		return writeJSON(s.out, resp.Msg)
	}
	writeDiagnosticTexts(s.err, resp.Msg.GetWarnings())
	g := resp.Msg.GetGeneration().GetNumber()
	if !resp.Msg.GetChanged() {
		_, err := fmt.Fprintf(s.out, "nothing changed: generation %d stays in force\n", g)
		return err
	}
	fmt.Fprintf(s.out, "generation %d is in force\n", g)
	for _, change := range resp.Msg.GetChanges() {
		fmt.Fprintln(s.out, "  "+printable(change))
	}
	return nil
}

// reloadFailure returns why the router did not put its configuration into force, nil for any other error.
func reloadFailure(err error) *adminv1.ReloadFailure {
	failed, ok := errors.AsType[*connect.Error](err)
	if !ok {
		return nil
	}
	for _, d := range failed.Details() {
		if m, err := d.Value(); err == nil {
			if failure, ok := m.(*adminv1.ReloadFailure); ok {
				return failure
			}
		}
	}
	return nil
}

func (f *clientFlags) reportFailure(s streams, err error, failure *adminv1.ReloadFailure) error {
	if f.asJSON {
		if err := writeJSON(s.out, failure); err != nil {
			return err
		}
	} else {
		writeDiagnosticTexts(s.err, failure.GetDiagnostics())
	}
	message := connectMessage(err)
	if len(failure.GetDiagnostics()) > 0 {
		message = "the configuration is invalid" // The router's message repeats the first mistake.
	}
	stays := fmt.Sprintf("generation %d stays in force", failure.GetGeneration().GetNumber())
	if at := failure.GetGeneration().GetLoaded(); at != nil {
		stays += ", loaded " + moment(at, s.now())
	}
	return fmt.Errorf("%s\nNothing changed: %s", message, stays)
}

// writeDiagnosticTexts prints diagnostics as the router shows them.
func writeDiagnosticTexts(w io.Writer, diagnostics []*adminv1.Diagnostic) {
	for _, d := range diagnostics {
		fmt.Fprint(w, printableText(d.GetText()))
	}
}
