package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"connectrpc.com/connect"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// shownContent is how many bytes of a body, and of the decoded event, are shown without --full.
const shownContent = 4 << 10

// eventsShowFlags are the flags of `events show`.
type eventsShowFlags struct {
	clientFlags
	full, explain bool
}

func newEventsShow(s streams) *cobra.Command {
	var f eventsShowFlags
	cmd := &cobra.Command{
		Use:   "show <number> | <source>/<id> | <id>",
		Short: "Show the history of an event, and its content",
		Long: `Show the history of an event, oldest first: when it was received, what rules made of it, each failed attempt, how its
deliveries ended. Then what the rules in force say about it, and its content. With --explain each rule's condition is shown with the
values that it reads, as "explain" does it.`,
		Example: `  pointsman events show 41
  pointsman events show lab/d41cd3e1-7bf3-481e-bb68-1efeef5bd62a --full`,
		Args: arguments("number or id"),
		RunE: func(cmd *cobra.Command, given []string) error {
			color, err := useColor(f.color, s.out)
			if err != nil {
				return err
			}
			return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error {
				return f.run(cmd.Context(), s, c, given[0], ink(color))
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.registerReading(cmd)
	cmd.Flags().BoolVar(&f.full, "full", false, "show all of the content, however long")
	cmd.Flags().BoolVar(&f.explain, "explain", false, "show why the rules match or do not")
	return cmd
}

// eventNamed reads how an argument names an event.
func eventNamed(name string) (*adminv1.GetEventRequest, error) {
	if n, err := strconv.ParseInt(name, 10, 64); err == nil && n > 0 {
		return &adminv1.GetEventRequest{Number: n}, nil
	}
	source, id, ok := strings.Cut(name, "/")
	if !ok {
		source, id = "", name
	}
	if id == "" {
		return nil, usageError(errors.New("an event is named by its number, its id, or <source>/<id>"))
	}
	return &adminv1.GetEventRequest{Source: source, Id: id}, nil
}

func (f *eventsShowFlags) run(ctx context.Context, s streams, c adminv1connect.AdminServiceClient, name string, color ink) error {
	request, err := eventNamed(name)
	if err != nil {
		return err
	}
	resp, err := c.GetEvent(ctx, connect.NewRequest(request))
	if err != nil {
		return notInJournal("event "+name, err)
	}
	if f.asJSON {
		return writeJSON(s.out, resp.Msg)
	}
	m := resp.Msg
	if err := writeEventFacts(s.out, m, color); err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	writeHistory(s.out, timeline(m, f.surroundings(ctx, c, m), color), s.now())
	for _, n := range m.GetReplays() {
		fmt.Fprintf(s.out, "Repeated as event %d.\n", n)
	}
	if !f.explain || len(m.GetRules()) == 0 {
		writeRuleResults(s.out, m.GetRules(), color)
	} else {
		fmt.Fprintln(s.out, "\nThe rules in force say:")
		if err := writeExplained(s.out, m.GetRules(), m.GetDeliveries(), color); err != nil {
			return err
		}
	}
	return f.writeContent(s.out, m.GetContent())
}

// surroundings is what explains an event's history besides the event. What the router does not answer is left out.
type surroundings struct {
	// original is the event that this one repeats, nil for none or if it is no longer kept.
	original *adminv1.Event
	// plugins are the states of plugins by name, empty for a journal.
	plugins map[string]string
}

func (f *eventsShowFlags) surroundings(ctx context.Context, c adminv1connect.AdminServiceClient, m *adminv1.GetEventResponse) (around surroundings) {
	if n := m.GetEvent().GetReplayOf(); n > 0 {
		if resp, err := c.GetEvent(ctx, connect.NewRequest(&adminv1.GetEventRequest{Number: n})); err == nil {
			around.original = resp.Msg.GetEvent()
		}
	}
	if f.journal != "" || m.GetEvent().GetState() != adminv1.EventState_EVENT_STATE_PENDING {
		return around
	}
	if resp, err := c.ListPlugins(ctx, connect.NewRequest(&adminv1.ListPluginsRequest{})); err == nil {
		around.plugins = make(map[string]string)
		for _, p := range resp.Msg.GetPlugins() {
			around.plugins[p.GetName()] = p.GetState()
		}
	}
	return around
}

func writeEventFacts(w io.Writer, m *adminv1.GetEventResponse, color ink) error {
	e := m.GetEvent()
	fmt.Fprintf(w, "Event %d: %s\n\n", e.GetNumber(), color.state(eventState(e.GetState())))
	t := newTable(w)
	t.fact("Source", e.GetSource())
	t.fact("ID", e.GetId())
	t.fact("Type", e.GetType())
	t.fact("Subject", e.GetSubject())
	t.fact("Sender's time", exactStamp(m.GetContent().GetTime()))
	if n := e.GetReplayOf(); n > 0 {
		t.fact("Repeats", fmt.Sprintf("event %d", n))
	}
	if n := m.GetContent().GetHopCount(); n > 0 {
		t.fact("Hops", fmt.Sprintf("%d: a plugin emitted it", n))
	}
	t.fact("Trace", m.GetContent().GetTraceParent())
	return t.flush()
}

// state colours the state of an event or a delivery.
func (on ink) state(state string) string {
	switch state {
	case "done":
		return on.green(state)
	case "dead", "quarantined":
		return on.red(state)
	case "pending":
		return on.yellow(state)
	}
	return state
}

// maxUnmatched is how many rules that do not match are listed.
const maxUnmatched = 20

func writeRuleResults(w io.Writer, rules []*adminv1.RuleResult, color ink) {
	if len(rules) == 0 {
		return
	}
	fmt.Fprintln(w, "\nThe rules in force say:")
	unmatched := 0
	for _, r := range rules {
		said := ""
		switch r.GetVerdict() {
		case adminv1.Verdict_VERDICT_MATCHED:
			said = color.green("matches")
		case adminv1.Verdict_VERDICT_FAILED:
			said = color.red("fails") + ": " + printable(r.GetError())
		default:
			if unmatched++; unmatched > maxUnmatched {
				continue
			}
			said = "does not match" + printable(decidedBy(r.GetClauses()))
		}
		fmt.Fprintf(w, "  %s (%s) %s\n", printable(r.GetRule()), printable(r.GetPosition()), said)
	}
	switch more := unmatched - maxUnmatched; {
	case more == 1:
		fmt.Fprintln(w, "  1 more rule does not match: pointsman explain shows it")
	case more > 1:
		fmt.Fprintf(w, "  %s more rules do not match: pointsman explain shows them\n", humanize.Comma(int64(more)))
	}
}

// decidedBy describes the first part of a condition that was false.
func decidedBy(clauses []*adminv1.Clause) string {
	for _, c := range clauses {
		if c.GetVerdict() == adminv1.Verdict_VERDICT_NOT_MATCHED {
			text := fmt.Sprintf(": false in line %d: %s", c.GetLine(), c.GetText())
			if len(c.GetReads()) > 0 {
				text += ", where " + readText(c.GetReads()[0])
			}
			return text
		}
	}
	return ""
}

func (f *eventsShowFlags) writeContent(w io.Writer, c *adminv1.EventContent) error {
	if c.GetSensitive() {
		_, err := fmt.Fprintln(w, "\nThe content is withheld: the source's block says sensitive = true.")
		return err
	}
	if len(c.GetAttributes()) > 0 {
		fmt.Fprintln(w, "\nAttributes")
		t := newTable(w)
		for _, a := range c.GetAttributes() {
			t.row("  "+a.GetName(), a.GetValue())
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	if data := c.GetDataJson(); data != "" {
		f.writeText(w, "Data", indented(data))
	}
	switch body := c.GetBody(); {
	case len(body) == 0:
	case isText(body):
		f.writeText(w, fmt.Sprintf("Body (%s, %s)", contentType(c), bytesText(int64(len(body)))), string(body))
	default:
		fmt.Fprintf(w, "\nBody (%s, %s) is not text: --json has it in base64\n", contentType(c), bytesText(int64(len(body))))
	}
	return nil
}

func contentType(c *adminv1.EventContent) string {
	if c.GetContentType() == "" {
		return "no content type"
	}
	return printable(c.GetContentType())
}

// writeText prints a part of the content below a title, and cuts it unless all of it is asked for.
func (f *eventsShowFlags) writeText(w io.Writer, title, text string) {
	cut := ""
	if len(text) > shownContent && !f.full {
		end := shownContent
		for !utf8.RuneStart(text[end]) {
			end--
		}
		cut = fmt.Sprintf("\n(%s more: --full shows them)", bytesText(int64(len(text)-end)))
		text = text[:end]
	}
	fmt.Fprintf(w, "\n%s\n%s%s\n", title, strings.TrimSuffix(printableText(text), "\n"), cut)
}

// indented is a JSON text with line breaks, or the text itself if it is none.
func indented(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}
