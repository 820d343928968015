package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"connectrpc.com/connect"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/config"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

const (
	// exitPlanned is the exit code of a plan with changes, as terraform plan -detailed-exitcode has it. No mistake may have it.
	exitPlanned = 2
	// maxPlanBytes is the largest request for a plan that the admin API takes.
	maxPlanBytes = 16 << 20
)

// planFlags are the flags of `plan`.
type planFlags struct {
	clientFlags
	selector
	against []string
}

func newPlan(s streams) *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan [path...]",
		Short: "Say what a change of the rules would change, by events that were recorded",
		Long: `Take recorded events through the rules in force and through those of configuration files or directories (default: the file of
--config), and say what would be delivered more, less or differently. Nothing is delivered, and nothing changes.

The running router does it, with the programs of plugins that it runs. With --journal, the journal of a stopped router is read: its
recorded deliveries are compared with those that the files make, or with --against, two configurations with each other. Retries
and rates are not compared. Secrets need not be set. Replayed and quarantined events are left out.

Exit codes:
  0  nothing would change
  1  failed, the files have mistakes, or the command line is wrong
  2  something would change
  3, 4, 5  as for all commands`,
		Example: `  pointsman plan rules/ --since 24h
  pointsman plan new.hcl --source lab --since 7d --json
  pointsman plan config.hcl --journal data/journal.db
  pointsman plan config.hcl --journal data/journal.db --against old/config.hcl`,
		ValidArgsFunction: filesOnly,
		RunE: func(cmd *cobra.Command, paths []string) error {
			f.matching = f.match != ""
			return notPlanned(f.run(cmd.Context(), s, paths))
		},
	}
	f.registerReading(cmd)
	f.selector.register(cmd, &f.clientFlags, "source", "type", "since", "until", "match")
	cmd.Flags().StringArrayVar(&f.against, "against", nil, "configuration to compare with, instead of what is in force or recorded; may be given several times")
	_ = cmd.RegisterFlagCompletionFunc("against", filesOnly)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return notPlanned(misused(cmd, "%v", err)) })
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return notPlanned(flagsFromEnv(cmd.Flags())) }
	return cmd
}

// notPlanned gives mistakes in the command line another exit code, because theirs means that something would change.
func notPlanned(err error) error {
	if coded, ok := errors.AsType[*exitError](err); ok && coded.code == exitUsage && !errors.Is(err, errReported) {
		return &exitError{code: exitFailed, err: coded.err}
	}
	return err
}

func (f *planFlags) run(ctx context.Context, s streams, paths []string) error {
	color, err := useColor(f.color, s.out)
	if err != nil {
		return err
	}
	request, err := f.request(s, paths)
	if err != nil {
		return err
	}
	return f.use(ctx, s, func(c adminv1connect.AdminServiceClient) error {
		result, err := f.ask(ctx, s, c, request)
		if err != nil {
			return err
		}
		if result.GetEvents() == 0 {
			f.warnUnknown(ctx, s, c)
		}
		return f.report(s, result, ink(color))
	})
}

// request reads the files and the flags.
func (f *planFlags) request(s streams, paths []string) (*adminv1.StreamPlanRequest, error) {
	filter, err := f.eventFilter(s.now())
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		paths = []string{f.config}
	}
	r := &adminv1.StreamPlanRequest{Filter: filter, Variables: f.vars}
	if r.Files, err = configFiles(s, paths); err != nil {
		return nil, err
	}
	if len(f.against) > 0 {
		if r.Against, err = configFiles(s, f.against); err != nil {
			return nil, err
		}
	}
	if n := proto.Size(r); n > maxPlanBytes {
		return nil, fmt.Errorf("the files have %s, and a plan takes %s: split what does not belong together, such as tables in locals, off the rules", bytesText(int64(n)), bytesText(maxPlanBytes))
	}
	return r, nil
}

func configFiles(s streams, paths []string) ([]*adminv1.ConfigFile, error) {
	files, diags := config.ReadFiles(paths)
	if diags.HasErrors() {
		if err := diags.WriteText(s.err, width(s.err), false); err != nil {
			return nil, err
		}
		return nil, errReported
	}
	out := make([]*adminv1.ConfigFile, len(files))
	for i, file := range files {
		// A file that is no UTF-8 cannot be sent. The router refuses it at the byte that takes the place of what is wrong.
		out[i] = &adminv1.ConfigFile{Name: file.Name, Text: strings.ToValidUTF8(string(file.Text), "\x00")}
	}
	return out, nil
}

// ask waits for the result and shows how far the router is.
func (f *planFlags) ask(ctx context.Context, s streams, c adminv1connect.AdminServiceClient, request *adminv1.StreamPlanRequest) (*adminv1.PlanResult, error) {
	stream, err := c.StreamPlan(ctx, connect.NewRequest(request))
	if err != nil {
		return nil, err
	}
	defer stream.Close() //nolint:errcheck // only read
	shown := showShare(s, "compared", "events")
	defer shown.end()
	for stream.Receive() {
		if r := stream.Msg().GetResult(); r != nil {
			return r, nil
		}
		p := stream.Msg().GetProgress()
		shown.share(p.GetEvents(), p.GetDone())
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	return nil, errors.New("the router ended the plan without a result")
}

// report prints the result and returns the exit code that says what it is.
func (f *planFlags) report(s streams, r *adminv1.PlanResult, on ink) error {
	mistakes := 0
	for _, d := range r.GetDiagnostics() {
		if d.GetSeverity() == "error" {
			mistakes++
		}
	}
	var err error
	if f.asJSON {
		err = writeJSON(s.out, r)
	} else {
		writeDiagnosticTexts(s.err, r.GetDiagnostics())
		if mistakes == 0 {
			err = writePlan(s.out, r, on)
		}
	}
	switch {
	case err != nil:
		return err
	case mistakes > 0:
		return fmt.Errorf("nothing was compared: the files have %s", count(mistakes, "error"))
	case r.GetEvents() == 0 && !f.asJSON:
		fmt.Fprintf(s.err, "No events%s are recorded: nothing was compared.\n", f.String())
		return nil
	case r.GetRules() > 0:
		return &exitError{code: exitPlanned, err: errReported}
	}
	return nil
}

// planTotals is the last line of a plan.
func planTotals(r *adminv1.PlanResult) string {
	events := humanize.Comma(r.GetEvents()) + " events"
	if r.GetEvents() == 1 {
		events = "1 event"
	}
	if r.GetRules() == 0 {
		return fmt.Sprintf("Plan: %s; no delivery changes.", events)
	}
	differs := "rules differ"
	if r.GetRules() == 1 {
		differs = "rule differs"
	}
	return fmt.Sprintf("Plan: %s; %s %s: %s.", events, humanize.Comma(int64(r.GetRules())), differs, amounts(r.GetMore(), r.GetLess(), r.GetDifferent()))
}

// amounts is "120 more, 4 less, 17 different", without those that are zero.
func amounts(more, less, different int64) string {
	var parts []string
	for _, p := range []struct {
		n    int64
		word string
	}{{more, "more"}, {less, "less"}, {different, "different"}} {
		if p.n > 0 {
			parts = append(parts, humanize.Comma(p.n)+" "+p.word)
		}
	}
	return strings.Join(parts, ", ")
}
