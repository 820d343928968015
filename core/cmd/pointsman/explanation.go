package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// shownArguments is how many characters of a delivery's arguments are shown: --json has all.
const shownArguments = 200

// writeExplanation prints what each rule makes of an event.
func writeExplanation(w io.Writer, x *adminv1.ExplainEventResponse, on ink) error {
	e := x.GetEvent()
	title := "Event " + printable(e.GetId())
	if e.GetNumber() > 0 {
		title = fmt.Sprintf("Event %d", e.GetNumber())
	}
	by := "the rules of the configuration"
	if x.GetGeneration() > 0 {
		by = fmt.Sprintf("the rules in force (generation %d)", x.GetGeneration())
	}
	fmt.Fprintf(w, "%s of source %s, %s, by %s\n", title, printable(e.GetSource()), printable(e.GetType()), by)
	if reason := e.GetQuarantineReason(); reason != "" {
		fmt.Fprintf(w, "It is %s, where no rule sees it: %s\n", on.red("quarantined"), printable(reason))
		return nil
	}
	return writeExplained(w, x.GetRules(), x.GetDeliveries(), on)
}

// writeExplained prints results of rules, with what became of their recorded deliveries.
func writeExplained(w io.Writer, rules []*adminv1.RuleResult, deliveries []*adminv1.Delivery, on ink) error {
	p := &rulePrinter{w: w, on: on, deliveries: map[string][]*adminv1.Delivery{}}
	for _, d := range deliveries {
		p.deliveries[d.GetRule()] = append(p.deliveries[d.GetRule()], d)
	}
	if len(rules) == 0 {
		p.printf("\nThere are no rules.\n")
	}
	columns := 0
	for _, r := range rules {
		columns = max(columns, utf8.RuneCountInString(printable(r.GetRule())))
	}
	for _, r := range rules {
		p.rule(r, min(columns, 40))
		delete(p.deliveries, r.GetRule())
	}
	for _, d := range deliveries {
		if p.deliveries[d.GetRule()] != nil {
			p.printf("\nRule %s, which is not shown, made a delivery: %s\n", printable(d.GetRule()), became(d, on))
		}
	}
	return p.err
}

type rulePrinter struct {
	w          io.Writer
	on         ink
	deliveries map[string][]*adminv1.Delivery // by rule
	err        error
}

func (p *rulePrinter) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *rulePrinter) rule(r *adminv1.RuleResult, columns int) {
	mark := map[adminv1.Verdict]string{
		adminv1.Verdict_VERDICT_MATCHED: p.on.green("✓"), adminv1.Verdict_VERDICT_NOT_MATCHED: p.on.red("✗"), adminv1.Verdict_VERDICT_FAILED: p.on.red("!"),
	}[r.GetVerdict()]
	if mark == "" {
		mark = "–"
	}
	p.printf("\n%s %-*s  %s", mark, columns, printable(r.GetRule()), printable(r.GetPosition()))
	if said := p.outcome(r); said != "" {
		p.printf("  %s", said)
	}
	p.printf("\n")
	p.clauses(r.GetClauses(), 4, "")
	if r.GetError() != "" {
		p.printf("    %s: %s\n", p.on.red("error"), printable(r.GetError()))
	}
	if r.GetLeftOut() != "" {
		p.printf("    left out by the index: %s\n", printable(r.GetLeftOut()))
	}
	for _, d := range r.GetDeliveries() {
		p.planned(r, d)
	}
}

// outcome is what follows from a rule, and what became of its recorded deliveries.
func (p *rulePrinter) outcome(r *adminv1.RuleResult) string {
	var said []string
	wants := r.GetVerdict() == adminv1.Verdict_VERDICT_MATCHED || r.GetVerdict() == adminv1.Verdict_VERDICT_FAILED
	switch {
	case r.GetSkipped() != "":
		said = append(said, "not asked: "+printable(r.GetSkipped()))
	case wants && r.GetTakenBy() != "":
		said = append(said, fmt.Sprintf("delivers nothing: rule %s took the event", printable(r.GetTakenBy())))
	case wants && r.GetSampledOut():
		said = append(said, "delivers nothing: its sample leaves the event out")
	case wants && r.GetShadow():
		said = append(said, "delivers nothing: it is a shadow rule")
	}
	for _, d := range p.deliveries[r.GetRule()] {
		said = append(said, "→ "+became(d, p.on))
	}
	return strings.Join(said, "  ")
}

// became describes the state of a recorded delivery.
func became(d *adminv1.Delivery, on ink) string {
	text := printable(d.GetPlugin()) + " "
	switch d.GetState() {
	case adminv1.DeliveryState_DELIVERY_STATE_DONE:
		text += on.green("delivered")
	case adminv1.DeliveryState_DELIVERY_STATE_DEAD:
		return text + fmt.Sprintf("%s letter (%s)", on.red("dead"), printable(d.GetReason()))
	default:
		text += on.state(deliveryState(d.GetState()))
	}
	if d.GetAttempts() == 0 {
		return text
	}
	text += fmt.Sprintf(" (attempt %d", d.GetAttempts())
	if d.GetSettled() != nil && d.GetReceived() != nil {
		text += ", " + d.GetSettled().AsTime().Sub(d.GetReceived().AsTime()).Round(time.Millisecond).String()
	}
	return text + ")"
}

// planned prints what a rule would send.
func (p *rulePrinter) planned(r *adminv1.RuleResult, d *adminv1.PlannedDelivery) {
	sends := "sends"
	if r.GetShadow() {
		sends = "would send"
	}
	switch {
	case d.GetError() == r.GetError() && d.GetError() != "":
	case d.GetError() != "":
		p.printf("    %s to %s: %s\n", p.on.red("cannot send"), printable(d.GetPlugin()), printable(d.GetError()))
	default:
		order := ""
		if d.GetOrderKey() != "" {
			order = " in order of " + printable(d.GetOrderKey())
		}
		p.printf("    %s to %s%s: %s\n", sends, printable(d.GetPlugin()), order, brief(printable(d.GetArgumentsJson()), shownArguments))
	}
}

// clauses prints parts of a condition, aligned. operator joins them.
func (p *rulePrinter) clauses(parts []*adminv1.Clause, indent int, operator string) {
	const widest = 60
	columns := 0
	for _, c := range parts {
		if n := utf8.RuneCountInString(printable(c.GetText())); n <= widest {
			columns = max(columns, n)
		}
	}
	goesOn := adminv1.Verdict_VERDICT_MATCHED
	if operator == "||" {
		goesOn = adminv1.Verdict_VERDICT_NOT_MATCHED
	}
	for _, c := range parts {
		mark := " "
		if c.GetVerdict() != goesOn && !c.GetSkipped() && operator != "!" {
			mark = "›" // it decided
		}
		p.printf("%*s%s %-*s  %s", indent-2, "", mark, columns, printable(c.GetText()), p.verdict(c))
		p.reads(c, indent, columns)
		p.clauses(c.GetParts(), indent+4, c.GetOperator())
	}
}

func (p *rulePrinter) verdict(c *adminv1.Clause) string {
	word := map[adminv1.Verdict]string{adminv1.Verdict_VERDICT_MATCHED: "true", adminv1.Verdict_VERDICT_NOT_MATCHED: "false", adminv1.Verdict_VERDICT_FAILED: "fails"}[c.GetVerdict()]
	switch {
	case c.GetSkipped() && word == "":
		return "(not evaluated)"
	case c.GetSkipped():
		return "(not evaluated: " + word + ")"
	case word == "true":
		return p.on.green(word)
	}
	return p.on.red(word)
}

// reads prints what a clause reads, behind it if there is room and below it otherwise.
func (p *rulePrinter) reads(c *adminv1.Clause, indent, columns int) {
	var all []string
	length := 0
	for _, r := range c.GetReads() {
		if r.GetText() == c.GetText() && r.GetPresence() == adminv1.Presence_PRESENCE_PRESENT {
			continue // the verdict is its value
		}
		text := readText(r)
		all, length = append(all, text), length+utf8.RuneCountInString(text)+2
	}
	const room = 120
	switch {
	case len(all) == 0:
		p.printf("\n")
	case indent+columns+length < room:
		gap := "  "
		if c.GetVerdict() == adminv1.Verdict_VERDICT_MATCHED && !c.GetSkipped() {
			gap = "   " // "true" is shorter than "false"
		}
		p.printf("%s%s\n", gap, strings.Join(all, ", "))
	default:
		p.printf("\n")
		for _, text := range all {
			p.printf("%*s%s\n", indent+4, "", text)
		}
	}
}

// readText describes one value that was read.
func readText(r *adminv1.Read) string {
	text := printable(r.GetText())
	switch r.GetPresence() {
	case adminv1.Presence_PRESENCE_NULL:
		text += " is null"
	case adminv1.Presence_PRESENCE_MISSING:
		text += " is missing"
	case adminv1.Presence_PRESENCE_NOT_SET:
		text += " is not set"
	default:
		text += " = " + printable(r.GetValueJson())
	}
	if r.GetBecause() != "" {
		text += ": " + printable(r.GetBecause())
	}
	return text
}
