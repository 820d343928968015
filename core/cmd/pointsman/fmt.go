package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/config"
)

// formatting is one call of the command fmt.
type formatting struct {
	streams
	check, diff, list, write bool
	color                    bool

	changed, failed bool
}

func newFmt(s streams) *cobra.Command {
	f := formatting{streams: s}
	var recursive bool
	var color string
	cmd := &cobra.Command{
		Use:   "fmt [path...]",
		Short: "Format configuration files",
		Long: `Rewrite configuration files, and the *.hcl of folders (default: the current folder), in the canonical style of HCL: two spaces for
each level, and equals signs of neighbouring lines below each other. Comments stay. It prints the names of the files that changed.

A file with an error in its syntax is reported and left alone. With - as the path the text comes from standard input, and the formatted
text goes to standard output.`,
		Example:           "  pointsman fmt\n  pointsman fmt --recursive --check --diff\n  pointsman fmt rules/ config.hcl\n  pointsman fmt - < config.hcl",
		ValidArgsFunction: filesOnly,
		RunE: func(cmd *cobra.Command, paths []string) error {
			var err error
			if f.color, err = useColor(color, s.err); err != nil {
				return err
			}
			f.write = f.write && !f.check
			for _, path := range paths {
				if path == "-" && len(paths) > 1 {
					return misused(cmd, "- stands alone: standard input is one file")
				}
			}
			if len(paths) == 0 {
				paths = []string{"."}
			}
			if paths[0] == "-" {
				err = f.standardInput()
			} else {
				err = f.files(paths, recursive)
			}
			switch {
			case err != nil:
				return err
			case f.failed:
				return errReported
			case f.check && f.changed:
				return &exitError{code: exitFindings, err: errReported}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.check, "check", false, "change nothing; exit code 6 if a file is not formatted")
	flags.BoolVar(&f.diff, "diff", false, "print what changes as a unified diff")
	flags.BoolVar(&f.list, "list", true, "print the names of files that are not formatted")
	flags.BoolVar(&f.write, "write", true, "write the files")
	flags.BoolVar(&recursive, "recursive", false, "format folders in folders too, but for hidden ones")
	flags.StringVar(&color, "color", "auto", "auto, always or never")
	return cmd
}

func (f *formatting) files(paths []string, recursive bool) error {
	names, diags := config.FilesToFormat(paths, recursive)
	if err := f.report(diags); err != nil {
		return err
	}
	for _, name := range names {
		if err := f.file(name); err != nil {
			return err
		}
	}
	return nil
}

func (f *formatting) file(name string) error {
	before, after, diags := config.FormatFile(name)
	if err := f.report(diags); err != nil || diags.HasErrors() || bytes.Equal(before, after) {
		return err
	}
	f.changed = true
	if f.list {
		if _, err := fmt.Fprintln(f.out, name); err != nil {
			return err
		}
	}
	if err := f.showDiff(name, before, after); err != nil {
		return err
	}
	if !f.write {
		return nil
	}
	if err := replaceFile(name, after); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (f *formatting) standardInput() error {
	const name, limit = "standard input", 1<<20 + 1 // one byte more than a file may have is enough to refuse it
	before, err := io.ReadAll(io.LimitReader(f.in, limit))
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	after, diags := config.Format(name, before)
	if err := f.report(diags); err != nil || diags.HasErrors() {
		return err
	}
	f.changed = !bytes.Equal(before, after)
	if f.check || f.diff {
		return f.showDiff(name, before, after)
	}
	_, err = f.out.Write(after)
	return err
}

func (f *formatting) showDiff(name string, before, after []byte) error {
	if !f.diff {
		return nil
	}
	_, text, _ := bytes.Cut(diff.Diff(name, before, name, after), []byte("\n")) // its first line is "diff a b"
	_, err := f.out.Write(text)
	return err
}

func (f *formatting) report(d *config.Diagnostics) error {
	f.failed = f.failed || d.HasErrors()
	return d.WriteText(f.err, width(f.err), f.color)
}

// replaceFile writes a file at once, so that nobody reads half of it. Its permissions stay, and a link to it stays one.
func replaceFile(name string, text []byte) (err error) {
	if name, err = filepath.EvalSymlinks(name); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(next.Name()))
		}
	}()
	_, err = next.Write(text)
	if err = errors.Join(err, next.Chmod(info.Mode().Perm()), next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), name)
}
