package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// dialTimeout is how long a socket beside a journal may take to accept a connection.
const dialTimeout = time.Second

func newStatus(s streams) *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the router on one screen: health, configuration, journal, sources, rules, plugins",
		Long: `Show the router on one screen: its health and what is wrong, the configuration in force, the journal, and each source, rule
and plugin.

The exit code tells the health: 0 ok, 6 degraded (events are accepted, something needs attention), 1 failing (events are not
accepted).`,
		Example: `  pointsman status
  pointsman status --json | jq -r '.problems[]'
  pointsman status --journal data/journal.db       # of a router that is stopped`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			color, err := useColor(f.color, s.out)
			if err != nil {
				return err
			}
			return f.use(cmd.Context(), s, func(c adminv1connect.AdminServiceClient) error {
				return f.status(cmd.Context(), s, c, ink(color))
			})
		},
	}
	f.registerReading(cmd)
	return cmd
}

func (f *clientFlags) status(ctx context.Context, s streams, c adminv1connect.AdminServiceClient, color ink) error {
	resp, err := c.GetStatus(ctx, connect.NewRequest(&adminv1.GetStatusRequest{}))
	if err != nil {
		return err
	}
	if f.journal != "" {
		f.completeStopped(resp.Msg)
		if answers(ctx, besideJournal(f.journal)) {
			fmt.Fprintln(s.err, "A router runs with this journal: pointsman status without --journal shows more.")
		}
	}
	if f.asJSON {
		err = writeJSON(s.out, resp.Msg)
	} else {
		err = writeStatus(s.out, resp.Msg, s.now(), color)
	}
	if err != nil {
		return err
	}
	switch {
	case resp.Msg.GetHealth() == adminv1.Health_HEALTH_FAILING:
		return errReported
	case resp.Msg.GetHealth() == adminv1.Health_HEALTH_DEGRADED, len(resp.Msg.GetProblems()) > 0:
		return &exitError{code: exitFindings, err: errReported}
	}
	return nil
}

// completeStopped adds to the status of a journal what this command knows: where the journal is, and what needs attention.
func (f *clientFlags) completeStopped(r *adminv1.GetStatusResponse) {
	if r.Journal == nil {
		r.Journal = new(adminv1.JournalStatus)
	}
	r.Journal.Path = f.journal
	for _, p := range r.GetPlugins() {
		if n := p.GetDead(); n > 0 {
			r.Problems = append(r.Problems, fmt.Sprintf("%s for plugin %q: see pointsman dead list --plugin %s --journal %s",
				count(int(n), "dead letter"), p.GetName(), p.GetName(), f.journal))
		}
	}
}

// besideJournal is where the socket of a journal's router is unless it is configured.
func besideJournal(journal string) string { return filepath.Join(filepath.Dir(journal), "admin.sock") }

// answers reports whether a program listens on a unix socket.
func answers(ctx context.Context, socket string) bool {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was sent
	return true
}

// writeStatus prints the screen: what is wrong first, then what is.
func writeStatus(w io.Writer, r *adminv1.GetStatusResponse, now time.Time, color ink) error {
	fmt.Fprintln(w, "Health: "+health(r.GetHealth(), color))
	for _, p := range r.GetProblems() {
		fmt.Fprintln(w, "  "+printable(firstLine(p)))
	}
	fmt.Fprintln(w)
	if err := writeFacts(w, r, now); err != nil {
		return err
	}
	for _, part := range []func(io.Writer) error{
		func(w io.Writer) error { return writeSources(w, r.GetSources()) },
		func(w io.Writer) error { return writeRules(w, r.GetRules()) },
		func(w io.Writer) error { return writePlugins(w, r.GetPlugins(), now, fromJournal(r)) },
	} {
		if err := part(&paragraph{w: w}); err != nil {
			return err
		}
	}
	return nil
}

// fromJournal reports whether a status was read from a journal: only a router knows its health.
func fromJournal(r *adminv1.GetStatusResponse) bool {
	return r.GetHealth() == adminv1.Health_HEALTH_UNSPECIFIED
}

func health(h adminv1.Health, color ink) string {
	switch h {
	case adminv1.Health_HEALTH_OK:
		return color.green("ok")
	case adminv1.Health_HEALTH_DEGRADED:
		return color.yellow("degraded")
	case adminv1.Health_HEALTH_FAILING:
		return color.red("failing")
	}
	return "not known, read from the journal"
}

func writeFacts(w io.Writer, r *adminv1.GetStatusResponse, now time.Time) error {
	t := newTable(w)
	version := r.GetVersion()
	if r.GetStarted() != nil {
		version += ", started " + moment(r.GetStarted(), now)
	}
	t.fact("Version", version)
	t.fact("Server", r.GetServerAddress())
	t.fact("Admin", r.GetAdminAddress())
	t.fact("Generation", generation(r.GetGeneration(), now))
	t.fact("Last reload", lastReload(r.GetLastReload(), now))
	j := r.GetJournal()
	t.fact("Durability", durability(j.GetDurability()))
	t.fact("Journal", journalSize(j))
	if n := j.GetDiskFreeBytes(); n > 0 {
		t.fact("Disk", bytesText(n)+" free")
	}
	t.fact("Takes none", j.GetError())
	for _, option := range r.GetInsecureOptions() {
		t.fact("Insecure", option)
	}
	return t.flush()
}

func generation(g *adminv1.Generation, now time.Time) string {
	if g == nil {
		return ""
	}
	text := fmt.Sprint(g.GetNumber())
	if g.GetLoaded() != nil {
		text += ", loaded " + moment(g.GetLoaded(), now)
	}
	if len(g.GetFiles()) > 0 {
		text += " from " + strings.Join(g.GetFiles(), ", ")
	}
	return text
}

func lastReload(a *adminv1.ReloadAttempt, now time.Time) string {
	if a == nil {
		return ""
	}
	text := pick(a.GetError() == "", "succeeded ", "FAILED ") + moment(a.GetTime(), now) + ", asked for by " + a.GetRequestedBy()
	if strings.Contains(a.GetError(), "configuration is invalid") { // the problems say why
		text += ": run pointsman validate"
	}
	return text
}

func durability(level string) string {
	switch level {
	case "disk":
		return "disk: acknowledged events survive a power loss"
	case "memory":
		return "memory: a crash loses what was just acknowledged"
	}
	return level
}

func journalSize(j *adminv1.JournalStatus) string {
	text := bytesText(j.GetBytes())
	if j.GetPath() != "" {
		text = j.GetPath() + ", " + text
	}
	if limit := j.GetLimitBytes(); limit > 0 {
		text += fmt.Sprintf(" of %s (%d %%)", bytesText(limit), j.GetBytes()*100/limit)
	}
	text += ", " + count(int(j.GetEvents()), "event")
	if n := j.GetQuarantined(); n > 0 {
		text += fmt.Sprintf(", %s quarantined", humanize.Comma(n))
	}
	return text
}

func writeSources(w io.Writer, sources []*adminv1.Source) error {
	if len(sources) == 0 {
		return nil
	}
	t := newTable(w, "SOURCE", "KIND", "RATE", "ACCEPTED", "DUPLICATES", "QUARANTINED", "REFUSED", "DURABILITY", "URL")
	for _, x := range sources {
		t.row(x.GetName(), x.GetKind(), rateText(x.GetRate()), humanize.Comma(x.GetAccepted()), humanize.Comma(x.GetDuplicates()),
			humanize.Comma(x.GetQuarantined()), humanize.Comma(x.GetRefused()), x.GetDurability(), x.GetUrl())
	}
	return t.flush()
}

func writeRules(w io.Writer, rules []*adminv1.Rule) error {
	if len(rules) == 0 {
		return nil
	}
	t := newTable(w, "RULE", "MODE", "SOURCES", "MATCHED", "OF EVENTS", "FAILED", "POSITION")
	for _, x := range busiest(rules) {
		share, matched := "", matchedBy(x)
		if all := x.GetMatched() + x.GetShadow() + x.GetNotMatched() + x.GetFailed(); all > 0 {
			share = fmt.Sprintf("%.1f %%", float64(matched)/float64(all)*100)
		}
		t.row(x.GetName(), ruleMode(x), strings.Join(x.GetSources(), ","), humanize.Comma(matched), share, humanize.Comma(x.GetFailed()), x.GetPosition())
	}
	if err := t.flush(); err != nil || len(rules) <= maxShownRules {
		return err
	}
	_, err := fmt.Fprintf(w, "%s more rules, which failed and matched less often: pointsman status --json has them\n", humanize.Comma(int64(len(rules)-maxShownRules)))
	return err
}

// maxShownRules is how many rules are listed.
const maxShownRules = 50

// busiest are the rules to list, in the order of the configuration: those that failed most, then those that matched most.
func busiest(rules []*adminv1.Rule) []*adminv1.Rule {
	if len(rules) <= maxShownRules {
		return rules
	}
	order := make([]int, len(rules))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(rules[b].GetFailed(), rules[a].GetFailed()), cmp.Compare(matchedBy(rules[b]), matchedBy(rules[a])))
	})
	order = order[:maxShownRules]
	slices.Sort(order)
	list := make([]*adminv1.Rule, len(order))
	for i, at := range order {
		list[i] = rules[at]
	}
	return list
}

// matchedBy is how many events a rule has matched. A shadow rule counts them apart.
func matchedBy(x *adminv1.Rule) int64 {
	if x.GetMode() == "shadow" {
		return x.GetShadow()
	}
	return x.GetMatched()
}

// ruleMode is one word: "live", or "shadow,fallback,5%".
func ruleMode(x *adminv1.Rule) string {
	mode := x.GetMode()
	if x.GetFallback() {
		mode += ",fallback"
	}
	if s := x.GetSample(); s > 0 && s < 1 {
		mode += fmt.Sprintf(",%.3g%%", s*100)
	}
	return mode
}

// writePlugins prints a table of plugins, and below it the last error of each that is not well. From a journal nothing is known of
// their processes.
func writePlugins(w io.Writer, plugins []*adminv1.Plugin, now time.Time, stopped bool) error {
	if len(plugins) == 0 {
		return nil
	}
	t := newTable(w, "PLUGIN", "KIND", "VERSION", "STATE", "SINCE", "RESTARTS", "RATE", "DELIVERED", "PENDING", "OLDEST PENDING", "DEAD", "OLDEST DEAD")
	for _, x := range plugins {
		state, restarts, rate, delivered := x.GetState(), humanize.Comma(x.GetRestarts()), rateText(x.GetRate()), humanize.Comma(x.GetDelivered())
		if stopped {
			state, restarts, rate, delivered = "", "", "", ""
		}
		t.row(x.GetName(), x.GetKind(), x.GetVersion(), state, relative(x.GetSince(), now), restarts, rate, delivered,
			humanize.Comma(x.GetPending()), relative(x.GetOldestPending(), now), humanize.Comma(x.GetDead()), relative(x.GetOldestDead(), now))
	}
	if err := t.flush(); err != nil {
		return err
	}
	for _, x := range plugins {
		if x.GetLastError() != "" {
			fmt.Fprintf(w, "%s: last error: %s\n", printable(x.GetName()), printable(firstLine(x.GetLastError())))
		}
	}
	return nil
}

func rateText(perSecond float64) string { return fmt.Sprintf("%.1f/s", perSecond) }
