package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/core/lsp"
)

func newLSP(s streams) *cobra.Command {
	var pluginsDir string
	cmd := &cobra.Command{
		Use:   "lsp",
		Short: "Serve an editor: diagnostics, completion, hover, definitions",
		Long: `Speak the Language Server Protocol over standard input and output. Editors start it; examples/editor says how.

The *.hcl files of a folder are one configuration. Changes that an editor has not written yet count. Nothing is delivered and no
connection is opened. The only programs that it runs are pointsman-plugin-* in --plugins-dir, to ask for their settings, whatever
path a file names.`,
		Example: "  pointsman lsp --plugins-dir /usr/lib/pointsman",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			model, failed := app.Reference(cmd.Context(), pluginsDir)
			for _, err := range failed {
				cmd.PrintErrf("Left out: %v\n", err)
			}
			return lsp.Serve(cmd.Context(), s.in, writeCloser{s.out}, lsp.Options{Version: version, Model: model, Check: app.Checker(pluginsDir)})
		},
	}
	cmd.Flags().StringVar(&pluginsDir, "plugins-dir", defaultPluginsDir, "folder of the plugins' programs")
	return cmd
}

// writeCloser closes what it writes to, if that can be closed.
type writeCloser struct{ io.Writer }

func (w writeCloser) Close() error {
	if c, ok := w.Writer.(io.Closer); ok {
		return c.Close()
	}
	return errors.ErrUnsupported
}
