package admin

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// eventMessage is an event without its content.
func eventMessage(e *journal.EventRecord) *adminv1.Event {
	m := &adminv1.Event{
		Number: e.Seq, Source: e.Source, Id: e.ID, Type: e.Type, Subject: e.Subject, Received: stamp(e.Received),
		State: named(eventStates, e.State), QuarantineReason: e.Quarantine, ReplayOf: e.ReplayOf,
	}
	if e.Quarantine != "" && journal.IsSensitive(e.Envelope) {
		m.QuarantineReason = withheld // it may quote what could not be decoded
	}
	return m
}

func eventMessages(records []journal.EventRecord) []*adminv1.Event {
	var list []*adminv1.Event
	for i := range records {
		list = append(list, eventMessage(&records[i]))
	}
	return list
}

// deliverySummary is a delivery as lists have it: without its arguments, its key and its failed attempts. sensitive is whether its
// event is: errors of rules quote what they read, and plugins may quote it in errors and receipts.
func deliverySummary(d *journal.DeliveryRecord, sensitive bool) *adminv1.Delivery {
	m := &adminv1.Delivery{
		Id: d.ID, EventNumber: d.Event, EventId: d.EventID, Source: d.Source, Rule: d.Rule, Plugin: d.Plugin,
		State: named(deliveryStates, d.State), Attempts: int32(d.Attempts),
		Received: stamp(d.Received), Due: stamp(d.Due), Settled: stamp(d.Settled), Redriven: stamp(d.Redriven),
		Reason: d.Reason, Error: lastError(d), Receipt: d.Receipt, Generation: d.Generation, Policy: policyMessage(d.Policy),
	}
	if sensitive { // they may quote the event
		m.Error, m.Receipt = withhold(m.Error), withhold(m.Receipt)
	}
	return m
}

// deliverySummaries are the deliveries of a list.
func (s *Service) deliverySummaries(ctx context.Context, records []journal.DeliveryRecord) ([]*adminv1.Delivery, error) {
	var list []*adminv1.Delivery
	mayShow := s.perEvent(ctx, func(e *journal.EventRecord) bool { return !journal.IsSensitive(e.Envelope) })
	for i := range records {
		shown := true
		if records[i].Error != "" || records[i].Receipt != "" {
			var err error
			if shown, err = mayShow(&records[i]); err != nil {
				return nil, err
			}
		}
		list = append(list, deliverySummary(&records[i], !shown))
	}
	return list, nil
}

// deliveryMessage is a delivery with all there is about it. sensitive is whether its event is.
func deliveryMessage(d *journal.DeliveryRecord, sensitive bool) *adminv1.Delivery {
	m := deliverySummary(d, sensitive)
	m.OrderKey, m.ArgumentsJson = d.OrderKey, MaskArguments(d.Arguments, d.Sensitive)
	for _, a := range d.History {
		m.Failures = append(m.Failures, &adminv1.Attempt{
			Number: int32(a.Number), Time: stamp(a.At), Error: a.Error, Final: a.Outcome == journal.Dead,
		})
	}
	if sensitive {
		m.OrderKey, m.ArgumentsJson = withhold(d.OrderKey), maskAllArguments(d.Arguments)
		for _, a := range m.Failures {
			a.Error = withhold(a.Error)
		}
	}
	return m
}

// lastError is the error of the last attempt of a delivery that is not done.
func lastError(d *journal.DeliveryRecord) string {
	if n := len(d.History); d.Error == "" && d.State == journal.StatePending && n > 0 {
		return d.History[n-1].Error
	}
	return d.Error
}

func policyMessage(p journal.Policy) *adminv1.Policy {
	return &adminv1.Policy{
		MaxAttempts: int32(p.MaxAttempts), MaxAge: durationpb.New(p.MaxAge), Timeout: durationpb.New(p.Timeout),
		MinBackoff: durationpb.New(p.MinBackoff), MaxBackoff: durationpb.New(p.MaxBackoff),
	}
}

// stamp is nil for a time that does not apply.
func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
