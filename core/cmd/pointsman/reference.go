package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/core/reference"
)

// defaultPluginsDir is the default of plugins.dir in a configuration.
const defaultPluginsDir = "bin"

// referenceFlags are the flags of `reference`.
type referenceFlags struct {
	pluginsDir                 string
	asJSON, markdown, textmate bool
}

func newReference(s streams) *cobra.Command {
	var f referenceFlags
	cmd := &cobra.Command{
		Use:   "reference [blocks|functions|events|source|plugin|tests [name]]",
		Short: "Explain the configuration language: blocks, functions, events, sources, plugins, tests",
		Long: `Explain the configuration language: every block with its attributes and defaults, every function, the fields of events, and
the settings of each kind of source and plugin. It needs no configuration.

Plugins describe themselves: every pointsman-plugin-* program in --plugins-dir is run with "describe".`,
		Example: `  pointsman reference                      # what there is
  pointsman reference blocks rule
  pointsman reference functions join
  pointsman reference events s3            # what event.data has
  pointsman reference source s3
  pointsman reference plugin slack
  pointsman reference tests                # what a file *.test.hcl has
  pointsman reference --json               # all of it, for editors`,
		Args:              atMost(2),
		ValidArgsFunction: f.complete,
		RunE:              func(cmd *cobra.Command, given []string) error { return f.run(cmd, s, given) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.pluginsDir, "plugins-dir", defaultPluginsDir, "folder of the plugins' programs")
	flags.BoolVar(&f.asJSON, "json", false, "print as JSON")
	flags.BoolVar(&f.markdown, "markdown", false, "print everything as a page of Markdown")
	flags.BoolVar(&f.textmate, "textmate", false, "print a TextMate grammar, which editors highlight with")
	cmd.MarkFlagsMutuallyExclusive("json", "markdown", "textmate")
	return cmd
}

func (f *referenceFlags) run(cmd *cobra.Command, s streams, given []string) error {
	if len(given) > 0 && (f.markdown || f.textmate) {
		return misused(cmd, "--markdown and --textmate print everything: leave out %q", given[0])
	}
	dir := f.pluginsDir
	if len(given) > 0 && given[0] != "plugin" {
		dir = ""
	}
	model, failed := app.Reference(cmd.Context(), dir)
	for _, err := range failed {
		fmt.Fprintf(s.err, "Left out: %v\n", err)
	}
	part, err := f.part(cmd, model, given)
	if err != nil {
		return err
	}
	switch {
	case f.asJSON:
		return writeIndented(s.out, part)
	case f.markdown:
		return part.WriteMarkdown(s.out)
	case f.textmate:
		return part.WriteTextMate(s.out)
	case len(given) == 0:
		_, err := io.WriteString(s.out, part.Overview(pageWidth(s.out)))
		return err
	}
	return part.WriteText(s.out, pageWidth(s.out))
}

// part is what the arguments select.
func (f *referenceFlags) part(cmd *cobra.Command, model *reference.Model, given []string) (*reference.Model, error) {
	if len(given) == 0 {
		return model, nil
	}
	name := ""
	if len(given) == 2 {
		name = given[1]
	}
	part, err := model.Select(given[0], name)
	unknown, ok := errors.AsType[*reference.UnknownError](err)
	switch {
	case ok && unknown.Topic:
		return nil, misused(cmd, "%v", err)
	case ok && given[0] == "plugin":
		return nil, &exitError{code: exitNotFound, err: fmt.Errorf("%w\nPrograms of plugins are looked for in %s: give another folder with --plugins-dir", err, f.pluginsDir)}
	case ok:
		return nil, &exitError{code: exitNotFound, err: err}
	}
	return part, err
}

// complete offers topics, and then the names of a topic. It runs no plugin.
func (f *referenceFlags) complete(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	const nothingElse = cobra.ShellCompDirectiveNoFileComp
	switch {
	case len(given) == 0:
		return reference.Topics(), nothingElse
	case len(given) > 1:
		return nil, nothingElse
	case given[0] == "plugin":
		return app.PluginKinds(f.pluginsDir), nothingElse
	}
	model, _ := app.Reference(cmd.Context(), "")
	return model.NamesOf(given[0]), nothingElse
}

// pageWidth is the width of text for reading: that of the terminal, but no wider than lines are read well.
func pageWidth(w io.Writer) int {
	if columns := terminalColumns(w); columns > 0 {
		return min(columns, 100)
	}
	return 80
}

// writeIndented prints v as an indented JSON document.
func writeIndented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
