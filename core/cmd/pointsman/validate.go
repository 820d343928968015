package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/core/config"
)

// defaultConfig is the configuration of a command without a path.
const defaultConfig = "config.hcl"

// configFlags are the flags of commands that read a configuration.
type configFlags struct {
	vars  map[string]string
	color string
}

func (f *configFlags) register(flags *pflag.FlagSet) {
	flags.StringToStringVar(&f.vars, "var", nil, "value of a variable of the configuration: --var name=value (or "+envPrefix+"VAR_name)")
	flags.StringVar(&f.color, "color", "auto", "auto, always or never")
}

// options returns the options for reading paths, or the default configuration if there are none.
func (f *configFlags) options(paths []string) app.Options {
	if len(paths) == 0 {
		paths = []string{defaultConfig}
	}
	return app.Options{Paths: paths, Variables: f.vars, Version: version}
}

func newValidate(s streams) *cobra.Command {
	var cf configFlags
	var lf logFlags
	var asJSON, strict bool
	cmd := &cobra.Command{
		Use:   "validate [path...]",
		Short: "Check a configuration without running it",
		Long: `Check configuration files, or directories of *.hcl (default: ` + defaultConfig + `), without running them.

It checks syntax, names, the type of every expression against the events of its sources, and has each plugin check its
settings. It opens no connections, and prints all mistakes at once.

It needs no secret, so it can run in a CI job: an environment variable or file that is not there, a variable without a value and a
certificate are warnings, and what needs them is not checked. With --strict they are errors, as they are for 'pointsman run'.`,
		Example:           "  pointsman validate\n  pointsman validate rules/ config.hcl --json\n  pointsman validate --strict /etc/pointsman",
		ValidArgsFunction: filesOnly,
		RunE: func(cmd *cobra.Command, paths []string) error {
			o := cf.options(paths)
			var err error
			if o.Log, err = lf.logger(s.err); err != nil {
				return err
			}
			color, err := useColor(cf.color, s.out)
			if err != nil {
				return err
			}
			o.Offline = !strict
			c, diags := app.Validate(cmd.Context(), o)
			if asJSON {
				err = diags.WriteJSON(s.out)
			} else {
				err = writeDiagnostics(s.out, diags, color, summary(c, diags))
			}
			if err == nil && diags.HasErrors() {
				err = errReported
			}
			return err
		},
	}
	cf.register(cmd.Flags())
	lf.register(cmd.Flags())
	cmd.Flags().BoolVar(&strict, "strict", false, "want all that 'pointsman run' needs: environment variables, files, values of variables")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON, in the shape of terraform validate -json")
	return cmd
}

// writeDiagnostics prints every diagnostic with its source lines, then the summary.
func writeDiagnostics(w io.Writer, diags *config.Diagnostics, color bool, summary string) error {
	if err := diags.WriteText(w, width(w), color); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, summary)
	return err
}

// summary is the last line of the output: the number of things checked and of problems found.
func summary(c *config.Config, d *config.Diagnostics) string {
	return fmt.Sprintf("Checked %s, %s, %s: %s, %s.",
		count(len(c.Files), "file"), count(len(c.Rules), "rule"), count(len(c.Plugins), "plugin"),
		count(d.Errors(), "error"), count(d.Warnings(), "warning"))
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		noun = stem + "ie"
	}
	return humanize.Comma(int64(n)) + " " + noun + "s"
}

// width returns the width of the terminal, or 100 columns if w is none.
func width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if cols, _, err := term.GetSize(int(f.Fd())); err == nil && cols > 20 {
			return cols
		}
	}
	return 100
}
