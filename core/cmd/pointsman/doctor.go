package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/app"
)

func newDoctor(s streams) *cobra.Command {
	var cf configFlags
	var lf logFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [path...]",
		Short: "Examine what a router needs: configuration, ports, plugins, disk, clock",
		Long: `Examine what a router with this configuration (default: ` + defaultConfig + `) needs: the configuration itself, its ports, the files of
its plugins, the journal with the space and the speed of its disk, the clock, and the socket of the admin API.

It works whether the router runs or not, and changes nothing. Run it as the user of the router, in its working directory.

The exit code is 0 when all is well, 6 with warnings, 1 with problems.`,
		Example:           "  pointsman doctor\n  pointsman doctor /etc/pointsman --json",
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
			findings := app.Doctor(cmd.Context(), o)
			if asJSON {
				err = writeFindingsJSON(s.out, findings)
			} else {
				err = writeFindings(s.out, findings, ink(color))
			}
			if err != nil {
				return err
			}
			return verdict(findings)
		},
	}
	cf.register(cmd.Flags())
	lf.register(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// writeFindings prints a line for each finding, and how many are not ok.
func writeFindings(w io.Writer, findings []app.Finding, color ink) error {
	levels := map[app.Level]string{
		app.LevelOK: color.green("ok     "), app.LevelWarning: color.yellow("warning"), app.LevelProblem: color.red("problem"),
	}
	longest := 0
	for _, f := range findings {
		longest = max(longest, len(f.Check))
	}
	for _, f := range findings {
		if _, err := fmt.Fprintf(w, "%s  %-*s  %s\n", levels[f.Level], longest, printable(f.Check), printable(f.Text)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%s: %s, %s.\n", count(len(findings), "check"),
		count(countLevel(findings, app.LevelProblem), "problem"), count(countLevel(findings, app.LevelWarning), "warning"))
	return err
}

func writeFindingsJSON(w io.Writer, findings []app.Finding) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		FormatVersion string        `json:"format_version"`
		Findings      []app.Finding `json:"findings"`
	}{formatVersion, findings})
}

// verdict is the exit code that the worst finding asks for.
func verdict(findings []app.Finding) error {
	switch {
	case countLevel(findings, app.LevelProblem) > 0:
		return errReported
	case countLevel(findings, app.LevelWarning) > 0:
		return &exitError{code: exitFindings, err: errReported}
	}
	return nil
}

func countLevel(findings []app.Finding, level app.Level) (n int) {
	for _, f := range findings {
		if f.Level == level {
			n++
		}
	}
	return n
}
