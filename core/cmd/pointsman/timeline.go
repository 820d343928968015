package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// timelineEntry is one line of a timeline. Its text is printable.
type timelineEntry struct {
	// at is nil for the present state.
	at   *timestamppb.Timestamp
	text string
}

// writeHistory prints entries, a line each, oldest first. Future ones, such as the next attempt, come last.
func writeHistory(w io.Writer, history []timelineEntry, now time.Time) {
	when := func(h timelineEntry) time.Time {
		if h.at == nil {
			return now
		}
		return h.at.AsTime()
	}
	slices.SortStableFunc(history, func(a, b timelineEntry) int { return when(a).Compare(when(b)) })
	for _, h := range history {
		fmt.Fprintf(w, "%-24s  %s", cmp.Or(exactStamp(h.at), "now"), h.text)
		if when(h).After(now) {
			fmt.Fprintf(w, " (%s)", relative(h.at, now))
		}
		fmt.Fprintln(w)
	}
}

// timeline is what happened to an event and its deliveries.
func timeline(m *adminv1.GetEventResponse, around surroundings, color ink) []timelineEntry {
	e := m.GetEvent()
	all := []timelineEntry{{e.GetReceived(), origin(m, around.original)}, {e.GetReceived(), fmt.Sprintf("stored as event %d", e.GetNumber())}}
	switch e.GetState() {
	case adminv1.EventState_EVENT_STATE_QUARANTINED:
		all = append(all, timelineEntry{e.GetReceived(), color.red("quarantined") + ": " + printable(e.GetQuarantineReason())})
	case adminv1.EventState_EVENT_STATE_UNMATCHED:
		all = append(all, timelineEntry{e.GetReceived(), "no rule matched"})
	}
	for _, d := range m.GetDeliveries() {
		all = append(all, timelineEntry{e.GetReceived(), verdictOf(d, color)})
	}
	for _, d := range m.GetDeliveries() {
		all = append(all, deliveryTimeline(d, around.plugins[d.GetPlugin()], color)...)
	}
	return all
}

// origin describes where an event comes from.
func origin(m *adminv1.GetEventResponse, original *adminv1.Event) string {
	if n := m.GetEvent().GetReplayOf(); n > 0 {
		text := fmt.Sprintf("replayed by an operator, repeats event %d", n)
		if original != nil {
			text += fmt.Sprintf(" (received %s)", stamp(original.GetReceived()))
		}
		return text
	}
	text := "received by source " + printable(m.GetEvent().GetSource())
	if by := m.GetContent().GetVerifiedBy(); by != "" {
		text += ", verified by " + printable(by)
	}
	return text
}

// verdictOf describes what a rule made of an event: a delivery, or an error.
func verdictOf(d *adminv1.Delivery, color ink) string {
	text := fmt.Sprintf("rule %s made delivery %s for plugin %s", printable(d.GetRule()), printable(d.GetId()), printable(d.GetPlugin()))
	if d.GetReason() == ruleError {
		text = fmt.Sprintf("rule %s %s: %s", printable(d.GetRule()), color.red("failed"), printable(d.GetError()))
	}
	if d.GetGeneration() > 0 {
		text += fmt.Sprintf(" (generation %d)", d.GetGeneration())
	}
	return text
}

// stateWords are the states of plugins that do not make a sentence.
var stateWords = map[string]string{"backoff": "down and will be started again", "failed-config": "down because it refuses its settings", notConfigured: "not configured"}

// pending describes what a pending delivery waits for. state is that of its plugin, empty if it is not known.
func pending(d *adminv1.Delivery, state string, color ink) timelineEntry {
	text := color.yellow("pending")
	if d.GetDue() == nil && d.GetAttempts() == 0 {
		text += ", not attempted yet"
	}
	if state != "" && state != readyState {
		text += ": the plugin is " + cmp.Or(stateWords[state], printable(state))
	}
	if d.GetDue() != nil || d.GetAttempts() > 0 {
		text += fmt.Sprintf(": attempt %d is due", d.GetAttempts()+1)
	}
	return timelineEntry{d.GetDue(), text}
}

// deliveryTimeline is what happened to a delivery after it was made. state is that of its plugin, empty if it is not known.
func deliveryTimeline(d *adminv1.Delivery, state string, color ink) []timelineEntry {
	about := printable(d.GetPlugin()) + ": "
	var all []timelineEntry
	add := func(at *timestamppb.Timestamp, text string) { all = append(all, timelineEntry{at, about + text}) }
	last := int32(0)
	for _, f := range d.GetFailures() {
		if missing := f.GetNumber() - last - 1; last > 0 && missing > 0 {
			add(f.GetTime(), fmt.Sprintf("%d more failed attempts before this", missing))
		}
		last = f.GetNumber()
		add(f.GetTime(), fmt.Sprintf("attempt %d failed: %s", last, printable(f.GetError())))
	}
	if d.GetRedriven() != nil {
		add(d.GetRedriven(), "retried by hand")
	}
	switch d.GetState() {
	case adminv1.DeliveryState_DELIVERY_STATE_PENDING:
		p := pending(d, state, color)
		add(p.at, p.text)
	case adminv1.DeliveryState_DELIVERY_STATE_DONE:
		text := fmt.Sprintf("%s at attempt %d", color.green("done"), d.GetAttempts())
		if d.GetReceipt() != "" {
			text += ": " + printable(d.GetReceipt())
		}
		add(d.GetSettled(), text)
	case adminv1.DeliveryState_DELIVERY_STATE_DEAD:
		add(d.GetSettled(), deadText(d, color))
	case adminv1.DeliveryState_DELIVERY_STATE_DROPPED:
		add(d.GetSettled(), "dropped by hand")
	}
	return all
}

// deadText describes why a delivery is a dead letter. It leaves out an error that the failed attempt before it shows.
func deadText(d *adminv1.Delivery, color ink) string {
	text := fmt.Sprintf("%s letter (%s)", color.red("dead"), printable(d.GetReason()))
	if d.GetReason() == ruleError { // the error is the rule's
		return fmt.Sprintf("%s letter %s (%s)", color.red("dead"), printable(d.GetId()), ruleError)
	}
	failures := d.GetFailures()
	if n := len(failures); n > 0 && failures[n-1].GetError() == d.GetError() {
		return text
	}
	return text + ": " + printable(d.GetError())
}
