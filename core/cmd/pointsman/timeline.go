package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// happening is an entry of a timeline. Its text is printable.
type happening struct {
	at   *timestamppb.Timestamp
	text string
}

// writeHistory prints happenings, a line each, oldest first. What is to come stands at the end, because its time is later.
func writeHistory(w io.Writer, history []happening, now time.Time) {
	slices.SortStableFunc(history, func(a, b happening) int { return a.at.AsTime().Compare(b.at.AsTime()) })
	for _, h := range history {
		fmt.Fprintf(w, "%s  %s", exactStamp(h.at), h.text)
		if h.at.AsTime().After(now) {
			fmt.Fprintf(w, " (%s)", relative(h.at, now))
		}
		fmt.Fprintln(w)
	}
}

// timeline is what happened to an event and its deliveries.
func timeline(m *adminv1.GetEventResponse, color ink) []happening {
	e := m.GetEvent()
	received := "received by source " + printable(e.GetSource())
	if by := m.GetContent().GetVerifiedBy(); by != "" {
		received += ", verified by " + printable(by)
	}
	all := []happening{{e.GetReceived(), received}, {e.GetReceived(), fmt.Sprintf("stored as event %d", e.GetNumber())}}
	switch e.GetState() {
	case adminv1.EventState_EVENT_STATE_QUARANTINED:
		all = append(all, happening{e.GetReceived(), color.red("quarantined") + ": " + printable(e.GetQuarantineReason())})
	case adminv1.EventState_EVENT_STATE_UNMATCHED:
		all = append(all, happening{e.GetReceived(), "no rule matched"})
	}
	for _, d := range m.GetDeliveries() {
		text := fmt.Sprintf("rule %s made delivery %s for plugin %s", d.GetRule(), d.GetId(), d.GetPlugin())
		if d.GetGeneration() > 0 {
			text += fmt.Sprintf(" (generation %d)", d.GetGeneration())
		}
		all = append(all, happening{e.GetReceived(), printable(text)})
	}
	for _, d := range m.GetDeliveries() {
		all = append(all, deliveryTimeline(d, color)...)
	}
	return all
}

// deliveryTimeline is what happened to a delivery after it was made.
func deliveryTimeline(d *adminv1.Delivery, color ink) []happening {
	about := printable(d.GetPlugin()) + ": "
	var all []happening
	add := func(at *timestamppb.Timestamp, text string) { all = append(all, happening{at, about + text}) }
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
		if d.GetDue() != nil {
			add(d.GetDue(), fmt.Sprintf("%s: attempt %d is due", color.yellow("pending"), d.GetAttempts()+1))
		}
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

// deadText tells why a delivery is a dead letter. The error is left out if it stands in the failed attempt before it.
func deadText(d *adminv1.Delivery, color ink) string {
	text := fmt.Sprintf("%s letter (%s)", color.red("dead"), printable(d.GetReason()))
	failures := d.GetFailures()
	if n := len(failures); n > 0 && failures[n-1].GetError() == d.GetError() {
		return text
	}
	return text + ": " + printable(d.GetError())
}
