package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/rule"
	"github.com/pointsman/pointsman/core/source"
)

// intake is the way from a source into the journal: match, encode once, append. It is the source.Intake of every source.
type intake struct {
	// generation returns the one whose rules decide about the events of a source.
	generation func(source string) *generation
	journal    journal.Journal
	log        *slog.Logger
	duration   prometheus.Observer // time to match one event
}

var _ source.Intake = (*intake)(nil)

// Accept returns nil only when every event has the durability of its source.
func (in *intake) Accept(ctx context.Context, events []source.Event) ([]source.Accepted, error) {
	if len(events) == 0 {
		return nil, nil
	}
	g := in.generation(events[0].Envelope.GetSource()) // all events of a request have one source
	entries := make([]journal.Entry, len(events))
	for i, ev := range events {
		entry, err := in.entry(g, ev)
		if err != nil {
			return nil, err
		}
		entries[i] = entry
	}
	durability := journal.Disk
	if events[0].Memory {
		durability = journal.Memory
	}
	appended, err := in.journal.Append(ctx, durability, entries)
	if err != nil {
		return nil, fmt.Errorf("append to journal: %w", err)
	}
	accepted := make([]source.Accepted, len(appended))
	for i, a := range appended {
		accepted[i] = source.Accepted{Duplicate: a.Duplicate}
		if !a.Duplicate {
			accepted[i].Deliveries = len(entries[i].Deliveries)
			g.counts.count(entries[i].Source, entries[i].Quarantine != "", entries[i].Deliveries)
			in.reportDead(ctx, g.number, &entries[i], events[i].Envelope.GetSensitive())
		}
	}
	return accepted, nil
}

// entry makes the complete journal entry of one event; nothing about it depends on the rules afterwards.
func (in *intake) entry(g *generation, ev source.Event) (journal.Entry, error) {
	env := ev.Envelope
	encoded, err := proto.Marshal(env)
	if err != nil {
		return journal.Entry{}, fmt.Errorf("encode envelope: %w", err)
	}
	entry := journal.Entry{
		Source: env.GetSource(), ID: env.GetId(), Type: env.GetType(), Subject: env.GetSubject(),
		Received:   time.Unix(0, env.GetReceivedUnixNano()),
		Envelope:   encoded,
		Quarantine: ev.Quarantine,
	}
	for _, k := range ev.Keys {
		entry.Keys = append(entry.Keys, journal.Key{Value: k.Value, Window: k.Window})
	}
	if ev.Quarantine == "" {
		start := time.Now()
		entry.Deliveries = newDeliveries(g.rules.Match(env), g.number)
		in.duration.Observe(time.Since(start).Seconds())
	}
	return entry, nil
}

// reportDead logs the deliveries of a new event that are dead letters because an expression failed. No dispatcher ever sees
// them, so nothing else would. Errors quote values, which the log must not show of a sensitive event.
func (in *intake) reportDead(ctx context.Context, generation int64, e *journal.Entry, sensitive bool) {
	for i := range e.Deliveries {
		if d := &e.Deliveries[i]; d.Dead != "" {
			text := d.Dead
			if sensitive {
				text = "(sensitive)"
			}
			in.log.ErrorContext(ctx, "rule failed, delivery is a dead letter", "event_id", e.ID, "source", e.Source, "rule", d.Rule,
				"plugin", d.Plugin, "generation", generation, "reason", journal.ReasonRuleError, "err", text)
		}
	}
}

// newDeliveries turns the deliveries of the rules into those of the journal.
func newDeliveries(matched []rule.Delivery, generation int64) []journal.NewDelivery {
	if len(matched) == 0 {
		return nil
	}
	out := make([]journal.NewDelivery, len(matched))
	for i, d := range matched {
		out[i] = journal.NewDelivery{
			Rule: d.Rule, Plugin: d.Plugin, Arguments: d.Arguments, OrderKey: d.OrderKey, Policy: *d.Policy, Generation: generation, Sensitive: d.Sensitive,
		}
		if d.Err != nil {
			out[i].Dead, out[i].Arguments = d.Err.Error(), []byte("{}")
		}
	}
	return out
}
