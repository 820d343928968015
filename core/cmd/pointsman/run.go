package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/core/config"
)

func newRun(s streams) *cobra.Command {
	var cf configFlags
	var lf logFlags
	var watch bool
	cmd := &cobra.Command{
		Use:   "run [path...]",
		Short: "Run the router in the foreground",
		Long: `Run the router with configuration files, or directories of *.hcl (default: ` + defaultConfig + `).

The whole configuration is checked before anything starts. SIGTERM or Ctrl-C stops it: requests under way are answered,
deliveries under way are finished, the rest stays in the journal for the next start. A second signal stops at once; what
was acknowledged is safe in either case.

SIGHUP, 'pointsman reload' and, with --watch, a change of the files load the configuration again. What did not change keeps
running: connections of WebSocket clients, plugin processes. A configuration with an error changes nothing. The blocks server,
admin and journal need a restart.`,
		Example:           "  pointsman run config.hcl\n  pointsman run --watch rules/ config.hcl\n  pointsman run /etc/pointsman --log-format json",
		ValidArgsFunction: filesOnly,
		RunE: func(cmd *cobra.Command, paths []string) error {
			o := cf.options(paths)
			var err error
			if o.Log, err = lf.logger(s.err); err != nil {
				return err
			}
			color, err := useColor(cf.color, s.err)
			if err != nil {
				return err
			}
			o.Warnings = func(d *config.Diagnostics) {
				if err := d.WriteText(s.err, width(s.err), color); err != nil {
					o.Log.Error("show warnings", "err", err)
				}
			}
			hangup, stop := surviveSignals()
			defer stop()
			o.Hangup, o.Watch = hangup, watch
			err = app.Run(cmd.Context(), o)
			if invalid, ok := errors.AsType[*app.InvalidError](err); ok {
				if werr := writeDiagnostics(s.err, invalid.Diagnostics, color, summary(invalid.Config, invalid.Diagnostics)); werr != nil {
					return werr
				}
				return errReported
			}
			return err
		},
	}
	cf.register(cmd.Flags())
	lf.register(cmd.Flags())
	cmd.Flags().BoolVar(&watch, "watch", false, "load the configuration again when its files or a plugin's program change")
	return cmd
}
