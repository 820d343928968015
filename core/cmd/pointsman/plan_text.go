package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"

	"github.com/dustin/go-humanize"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// planPage prints a plan. Its first error stays for the end.
type planPage struct {
	w   io.Writer
	on  ink
	err error
}

func writePlan(w io.Writer, r *adminv1.PlanResult, on ink) error {
	p := &planPage{w: w, on: on}
	for _, change := range r.GetChanges() {
		p.change(change)
		p.line("")
	}
	p.line("%s", planTotals(r))
	return p.err
}

func (p *planPage) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *planPage) change(c *adminv1.PlannedChange) {
	if c.GetShadow() {
		p.line("Shadow rule %s, plugin %s: would deliver %s (now %s)", name(c.GetRule()), name(c.GetPlugin()), comma(c.GetPlanned()), comma(c.GetNow()))
	} else {
		p.line("Rule %s, plugin %s: %s (now %s)", name(c.GetRule()), name(c.GetPlugin()),
			amounts(int64(c.GetMore()), int64(c.GetLess()), int64(c.GetDifferent())), comma(c.GetNow()))
	}
	if c.GetFailedPlanned() > 0 {
		p.line("%s", p.on.red(fmt.Sprintf("  the rule fails for %s of them (now %s)", comma(c.GetFailedPlanned()), comma(c.GetFailedNow()))))
	} else if c.GetFailedNow() > 0 {
		p.line("  the rule no longer fails (now for %s)", comma(c.GetFailedNow()))
	}
	for _, e := range c.GetExamples() {
		p.example(e)
	}
}

func comma(n int32) string { return humanize.Comma(int64(n)) }

// name is a name of the configuration in quotes. That of one of several rules has some already: rule["key"].
func name(text string) string {
	if len(text) > 0 && text[len(text)-1] == ']' {
		return printable(text)
	}
	return strconv.Quote(text)
}

func (p *planPage) example(e *adminv1.PlannedExample) {
	event := printable(fmt.Sprintf("event %d  %s/%s", e.GetEventNumber(), e.GetSource(), e.GetEventId()))
	now, planned := e.GetNow(), e.GetPlanned()
	switch {
	case now == nil:
		p.line("  %s", p.on.green("+ "+event))
	case planned == nil:
		p.line("  %s", p.on.red("- "+event))
	default:
		p.line("  %s", p.on.yellow("~ "+event))
	}
	both := now != nil && planned != nil
	shown := len(e.GetArguments()) > 0
	for _, a := range e.GetArguments() {
		p.value(both, printable(a.GetName()), a.GetNow(), a.GetPlanned())
	}
	for _, v := range []struct{ name, now, planned string }{
		{"order_by", now.GetOrderKey(), planned.GetOrderKey()},
		{"error", now.GetError(), planned.GetError()},
	} {
		if v.now != v.planned {
			p.value(both, v.name, v.now, v.planned)
			shown = true
		}
	}
	if !shown && now.GetArgumentsJson() == "" && planned.GetArgumentsJson() == "" {
		p.line("      (the event is sensitive: what it says is not shown)")
	}
}

// value prints a value of one delivery, or how it differs between two.
func (p *planPage) value(both bool, name, now, planned string) {
	if both {
		p.line("      %s: %s -> %s", name, printable(cmp.Or(now, "none")), printable(cmp.Or(planned, "none")))
		return
	}
	p.line("      %s: %s", name, printable(cmp.Or(now, planned)))
}
