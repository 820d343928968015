package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/pointsman/pointsman/plugins/s3-mirror/mirror"
	"github.com/pointsman/pointsman/plugins/s3-mirror/reconcile"
	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

func reconcileCommand() sdk.Command {
	return sdk.Command{
		Name: "reconcile",
		Doc:  "compares the two buckets and repairs differences; --help lists the flags",
		Run: func(ctx context.Context, args []string) error {
			return reconciler{in: os.Stdin, out: os.Stdout, err: os.Stderr}.run(ctx, args)
		},
	}
}

const reconcileHelp = `Compare the two buckets of a mirror and repair what differs.

Events can be lost: before the mirror was set up, or while no router accepts them from a store that sends each event once.
This command lists both buckets, copies objects that are missing or different, and with deletes = true deletes extra ones. It
may run beside the router, by hand or from a timer.

Usage:
  pointsman plugin run [--config config.hcl] <plugin> reconcile [flags]
  pointsman-plugin-s3-mirror reconcile --settings file.json|- [flags]

Examples:
  pointsman plugin run backup reconcile --dry-run            # show the differences only
  pointsman plugin run backup reconcile                      # repair them
  pointsman plugin run backup reconcile --prefix photos/2026/
  pointsman plugin run backup reconcile --json | jq .repaired

Flags:
%s
Two objects are equal if their sizes and ETags are. ETags of encrypted objects and of objects uploaded in parts cannot be
compared: then a copy that is not older than its original counts as equal, and --checksum reads both.

The settings are those of the plugin's block as JSON. "pointsman plugin run" takes them from the configuration. By hand, a pipe
keeps secrets off the disk:
  {
    "source":      {"endpoint": "http://127.0.0.1:9000", "bucket": "main", "access_key": "...", "secret_key": "..."},
    "destination": {"bucket": "copy", "prefix": "main/", "region": "eu-west-1"},
    "deletes": true
  }

The exit code is 1 if anything failed, if a store could not list a key (the output names it), or if the run was interrupted.
After an interrupt nothing is lost: the next run finds the rest.
`

// reconciler is the command with its input and outputs.
type reconciler struct {
	in       io.Reader
	out, err io.Writer
}

type reconcileFlags struct {
	settings, prefix                        string
	dryRun, checksum, metadata, emptySource bool
	verbose, json, help                     bool
}

func (f *reconcileFlags) set() *pflag.FlagSet {
	set := pflag.NewFlagSet("reconcile", pflag.ContinueOnError)
	set.SortFlags = false
	set.Usage = func() {}
	set.BoolVar(&f.dryRun, "dry-run", false, "change nothing; print what a run would do")
	set.StringVar(&f.prefix, "prefix", "", "only source keys that begin with this")
	set.BoolVar(&f.checksum, "checksum", false, "read both objects if ETags cannot be compared; settings.bandwidth does not limit this")
	set.BoolVar(&f.metadata, "metadata", false, "also compare content headers, user metadata and tags: four more requests for each object")
	set.BoolVar(&f.emptySource, "empty-source", false, "delete even if the source lists no objects, which is refused otherwise")
	set.BoolVarP(&f.verbose, "verbose", "v", false, "print every repair")
	set.BoolVar(&f.json, "json", false, "print the summary as JSON")
	set.StringVar(&f.settings, "settings", "", "file with the settings as JSON, - for standard input")
	set.BoolVarP(&f.help, "help", "h", false, "print this")
	return set
}

func (c reconciler) run(ctx context.Context, args []string) error {
	var f reconcileFlags
	set := f.set()
	if err := set.Parse(args); err != nil {
		return fmt.Errorf("%w; --help lists the flags", err)
	}
	if f.help {
		fmt.Fprintf(c.out, reconcileHelp, set.FlagUsages())
		return nil
	}
	if set.NArg() > 0 {
		return fmt.Errorf("%q is not expected here; --help lists the flags", set.Arg(0))
	}
	s, err := c.settings(f.settings)
	if err != nil {
		return err
	}
	r, err := c.prepare(s, f)
	if err != nil {
		return err
	}
	stop := showProgress(c.err, f.dryRun || f.verbose, r.Summary)
	summary, err := r.Do(ctx)
	stop()
	return errors.Join(c.print(summary, f.json), err, failure(summary))
}

// settings reads and checks the settings as the router does.
func (c reconciler) settings(from string) (s settings, err error) {
	var data []byte
	switch from {
	case "":
		return s, errors.New(`no settings: use "pointsman plugin run <plugin> reconcile", or give a JSON file with --settings; --help lists the flags`)
	case "-":
		data, err = io.ReadAll(io.LimitReader(c.in, maxSettings))
	default:
		data, err = os.ReadFile(from)
	}
	if err == nil {
		err = schema.Decode(nil, data, &s)
	}
	if err != nil {
		return s, fmt.Errorf("settings: %w", err)
	}
	var problems []error
	for _, d := range check(s) {
		if !d.Warning {
			problems = append(problems, fmt.Errorf("settings: %w", d))
		}
	}
	return s, errors.Join(problems...)
}

const maxSettings = 1 << 20

func (c reconciler) prepare(s settings, f reconcileFlags) (*reconcile.Run, error) {
	m, err := s.newMirror(slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return nil, err
	}
	o := reconcile.Options{
		Mirror:      m,
		Source:      reconcile.Side{Client: m.SourceClient(), Bucket: s.Source.Bucket, Prefix: s.Source.Prefix},
		Destination: reconcile.Side{Client: m.DestinationClient(), Bucket: s.Destination.Bucket, Prefix: s.Destination.Prefix},
		Prefix:      f.prefix, Deletes: s.Deletes, DryRun: f.dryRun, EmptySource: f.emptySource,
		Checksum: f.checksum, Metadata: f.metadata, Workers: s.Concurrency,
	}
	if (f.dryRun || f.verbose) && !f.json {
		o.Report = func(s reconcile.Step) { fmt.Fprintln(c.out, line(s, o.DryRun, o.Deletes)) }
	}
	return reconcile.New(o)
}

// line formats a step.
func line(s reconcile.Step, dryRun, deletes bool) string {
	what := string(s.Class)
	if s.Why != "" {
		what += ", " + s.Why
	}
	do := s.Result.String()
	switch {
	case s.Err != nil:
		return fmt.Sprintf("failed %q: %v", s.Key, s.Err)
	case s.Class == reconcile.Extra && !deletes:
		do = "left"
	case dryRun && s.Class == reconcile.Extra:
		do = "would delete"
	case dryRun:
		do = "would copy"
	case s.Result.Action == mirror.Copied, s.Result.Action == mirror.Deleted:
		do = string(s.Result.Action)
	}
	return fmt.Sprintf("%s %q (%s)", do, s.Key, what)
}

func (c reconciler) print(s reconcile.Summary, asJSON bool) error {
	if !asJSON {
		_, err := fmt.Fprintln(c.out, s)
		return err
	}
	out := json.NewEncoder(c.out)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(s)
}

// failure returns an error with the first failures, nil if there are none.
func failure(s reconcile.Summary) error {
	if s.Failed == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d failed", s.Failed)
	if int(s.Failed) > len(s.Failures) {
		fmt.Fprintf(&b, ", the first %d of them", len(s.Failures))
	}
	for _, f := range s.Failures {
		fmt.Fprintf(&b, "\n  %q: %s", f.Key, f.Error)
	}
	return errors.New(b.String())
}
