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
	cmd := &cobra.Command{
		Use:   "run [path...]",
		Short: "Run the router in the foreground",
		Long: `Run the router with configuration files, or directories of *.hcl (default: ` + defaultConfig + `).

The whole configuration is checked before anything starts. SIGTERM or Ctrl-C stops it: requests under way are answered,
deliveries under way are finished, the rest stays in the journal for the next start. A second signal stops at once; what
was acknowledged is safe in either case. SIGHUP, SIGUSR1, SIGUSR2 and SIGPIPE do not stop the router.`,
		Example: "  pointsman run config.hcl\n  pointsman run /etc/pointsman --log-format json",
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
			defer surviveSignals(o.Log)()
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
	return cmd
}
