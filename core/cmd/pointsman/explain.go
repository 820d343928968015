package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/core/source"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// maxEventFile is more than the largest event that a journal keeps, written as JSON.
const maxEventFile = 64 << 20

// Whose rules explain: values of --rules.
const (
	rulesOfFiles  = "files"
	rulesOfRouter = "router"
)

// explainFlags are the flags of `explain`.
type explainFlags struct {
	clientFlags
	event, source, body, rule, rules string
	headers                          []string
}

func newExplain(s streams) *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain [<number> | <source>/<id> | <id>]",
		Short: "Explain what each rule makes of an event, and why",
		Long: `Explain what each rule makes of an event: every part of its condition with the values it read, the one that decided, and what
the rule would send.

The event is one that the router has recorded, named as for "events show"; or a file (--event) with what "events show --json" prints or
with an envelope as JSON; or a body as its sender posts it (--source and --body), without a signature. "-" is standard input.

A recorded event is explained by the rules in force in the running router, anything else by those in the files of --config. --rules says
otherwise. Explaining by files needs no router, no secret and no plugin. Nothing is delivered.`,
		Example: `  pointsman explain 41
  pointsman explain lab/d41cd3e1-7bf3-481e-bb68-1efeef5bd62a --rule measurement-done
  pointsman explain 41 --journal data/journal.db
  pointsman explain --source uploads --body put.json --config rules/
  pointsman events show 41 --json | pointsman explain --event - --json`,
		Args:              atMost(1),
		RunE:              func(cmd *cobra.Command, given []string) error { return f.run(cmd.Context(), s, given) },
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.registerReading(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&f.event, "event", "e", "", "file with an event as JSON; - for standard input")
	_ = cmd.RegisterFlagCompletionFunc("event", filesOnly) // it fails only for a flag that does not exist
	flags.StringVar(&f.source, "source", "", "source that decodes --body")
	flags.StringVar(&f.body, "body", "", "file with a body as its sender posts it; - for standard input")
	flags.StringArrayVar(&f.headers, "header", nil, "header of the body's request, key=value; may be given several times")
	flags.StringVar(&f.rule, "rule", "", "explain only this rule")
	flags.StringVar(&f.rules, "rules", "", "whose rules explain: "+rulesOfFiles+" (of --config) or "+rulesOfRouter+" (in force)")
	_ = cmd.RegisterFlagCompletionFunc("rules", fixed(rulesOfFiles, rulesOfRouter))
	return cmd
}

// check refuses flags that do not go together, and completes --rules.
func (f *explainFlags) check(given []string) error {
	inputs := len(given)
	for _, flag := range []string{f.event, f.body} {
		if flag != "" {
			inputs++
		}
	}
	switch {
	case inputs != 1:
		return usageError(errors.New("which event? Give the number or id of a recorded one, or --event FILE, or --source NAME with --body FILE"))
	case (f.body != "") != (f.source != ""):
		return usageError(errors.New("--source and --body go together: the source decodes the body"))
	case f.body == "" && len(f.headers) > 0:
		return usageError(errors.New("--header is for --body"))
	case f.rules != "" && f.rules != rulesOfFiles && f.rules != rulesOfRouter:
		return usageError(fmt.Errorf("--rules %q: want %s or %s", f.rules, rulesOfFiles, rulesOfRouter))
	case f.journal != "" && f.rules == rulesOfRouter:
		return usageError(errors.New("--journal is of a router that is stopped, which has no rules in force: leave out --rules " + rulesOfRouter))
	case f.journal != "" && len(given) == 0:
		return usageError(errors.New("--journal is for an event that it has recorded: name it by its number or id"))
	}
	if f.rules == "" {
		f.rules = rulesOfFiles
		if len(given) > 0 && f.journal == "" {
			f.rules = rulesOfRouter
		}
	}
	return nil
}

func (f *explainFlags) run(ctx context.Context, s streams, given []string) error {
	color, err := useColor(f.color, s.out)
	if err != nil {
		return err
	}
	if err := f.check(given); err != nil {
		return err
	}
	var answers []*adminv1.ExplainEventResponse
	switch {
	case len(given) == 0:
		answers, err = f.ofFile(ctx, s)
	case f.rules == rulesOfRouter:
		answers, err = f.inForce(ctx, s, given[0])
	default:
		answers, err = f.recorded(ctx, s, given[0])
	}
	if _, unknown := errors.AsType[*app.UnknownError](err); unknown {
		return &exitError{code: exitNotFound, err: err}
	}
	if err != nil {
		return err
	}
	for i, answer := range answers {
		if f.asJSON {
			err = writeJSON(s.out, answer)
		} else {
			if i > 0 {
				fmt.Fprintln(s.out)
			}
			err = writeExplanation(s.out, answer, ink(color))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inForce asks the running router about an event that it has recorded.
func (f *explainFlags) inForce(ctx context.Context, s streams, name string) ([]*adminv1.ExplainEventResponse, error) {
	event, err := eventNamed(name)
	if err != nil {
		return nil, err
	}
	request := &adminv1.ExplainEventRequest{Number: event.GetNumber(), Source: event.GetSource(), Id: event.GetId(), Rule: f.rule, Skipped: true}
	var answer *connect.Response[adminv1.ExplainEventResponse]
	err = f.use(ctx, s, func(c adminv1connect.AdminServiceClient) error {
		answer, err = c.ExplainEvent(ctx, connect.NewRequest(request))
		return notInJournal("event "+name, err)
	})
	if err != nil {
		return nil, err
	}
	return []*adminv1.ExplainEventResponse{answer.Msg}, nil
}

// recorded explains an event of a journal by the rules of files.
func (f *explainFlags) recorded(ctx context.Context, s streams, name string) ([]*adminv1.ExplainEventResponse, error) {
	request, err := eventNamed(name)
	if err != nil {
		return nil, err
	}
	off, err := f.load(ctx, s)
	if err != nil {
		return nil, err
	}
	var found *connect.Response[adminv1.GetEventResponse]
	err = f.use(ctx, s, func(c adminv1connect.AdminServiceClient) error {
		found, err = c.GetEvent(ctx, connect.NewRequest(request))
		return notInJournal("event "+name, err)
	})
	if err != nil {
		return nil, err
	}
	answer, err := off.ExplainRecorded(found.Msg, f.rule)
	return []*adminv1.ExplainEventResponse{answer}, err
}

// ofFile explains the events of a file: by the rules of files, or by those in force.
func (f *explainFlags) ofFile(ctx context.Context, s streams) (answers []*adminv1.ExplainEventResponse, err error) {
	off, err := f.load(ctx, s)
	if err != nil {
		return nil, err
	}
	events, err := f.events(s, off)
	if err != nil {
		return nil, err
	}
	if f.rules == rulesOfFiles {
		for _, e := range events {
			answer, err := off.Explain(e, f.rule)
			if err != nil {
				return nil, err
			}
			answers = append(answers, answer)
		}
		return answers, nil
	}
	err = f.use(ctx, s, func(c adminv1connect.AdminServiceClient) error {
		for _, e := range events {
			envelope, err := proto.Marshal(e)
			if err != nil {
				return err
			}
			answer, err := c.ExplainEvent(ctx, connect.NewRequest(&adminv1.ExplainEventRequest{Envelope: envelope, Rule: f.rule, Skipped: true}))
			if err != nil {
				return err
			}
			answers = append(answers, answer.Msg)
		}
		return nil
	})
	return answers, err
}

// load reads the configuration, and says what is wrong with it.
func (f *explainFlags) load(ctx context.Context, s streams) (*app.Offline, error) {
	if _, err := os.Stat(f.config); err != nil {
		return nil, fmt.Errorf("%w\nGive the configuration with --config", err)
	}
	off := app.LoadOffline(ctx, f.options([]string{f.config}))
	if off.Diagnostics.HasErrors() {
		color, err := useColor(f.color, s.err)
		if err == nil {
			err = writeDiagnostics(s.err, off.Diagnostics, color, summary(off.Config, off.Diagnostics))
		}
		return nil, errors.Join(err, errReported)
	}
	for _, p := range off.NotInstalled {
		fmt.Fprintf(s.err, "Plugin %s is not installed (%s): its arguments are not checked.\n", p.Name, p.Path)
	}
	return off, nil
}

func (f *explainFlags) events(s streams, off *app.Offline) ([]*pointsmanv1.Envelope, error) {
	if f.event != "" {
		text, err := readInput(s, f.event)
		if err != nil {
			return nil, err
		}
		events, err := off.ReadEvents(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.event, err)
		}
		return events, nil
	}
	body, err := readInput(s, f.body)
	if err != nil {
		return nil, err
	}
	sample := source.Sample{Header: http.Header{}, Body: body, Received: s.now()}
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, "=")
		if !ok || name == "" {
			return nil, usageError(fmt.Errorf("--header %q: want key=value", h))
		}
		sample.Header.Add(name, value)
	}
	return off.DecodeBody(f.source, sample)
}

// readInput reads a file, or standard input for "-".
func readInput(s streams, name string) ([]byte, error) {
	in := s.in
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // only read
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxEventFile+1))
	if err == nil && len(text) > maxEventFile {
		err = fmt.Errorf("%s is larger than %s", name, bytesText(maxEventFile))
	}
	return text, err
}
