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
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
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
	entries, matched := make([]journal.Entry, len(events)), make([][]rule.Delivery, len(events))
	for i, ev := range events {
		entry, err := newEntry(ev)
		if err != nil {
			return nil, err
		}
		if ev.Quarantine == "" {
			start := time.Now()
			matched[i] = g.rules.Match(ev.Envelope)
			entry.Deliveries = newDeliveries(matched[i], g.number)
			in.duration.Observe(time.Since(start).Seconds())
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
			g.counts.count(entries[i].Source, entries[i].Quarantine != "", matched[i])
			in.reportDead(ctx, g.number, &entries[i], events[i].Envelope.GetSensitive())
			in.reportShadow(ctx, g, events[i].Envelope, matched[i])
		}
	}
	return accepted, nil
}

// newEntry makes the journal entry of one event, without its deliveries.
func newEntry(ev source.Event) (journal.Entry, error) {
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
	return entry, nil
}

// reportDead logs the deliveries of a new event that are dead letters because an expression failed. No dispatcher ever sees
// them, so nothing else would. Errors quote values, which the log must not show of a sensitive event.
func (in *intake) reportDead(ctx context.Context, generation int64, e *journal.Entry, sensitive bool) {
	for i := range e.Deliveries {
		if d := &e.Deliveries[i]; d.Dead != "" {
			in.log.ErrorContext(ctx, "rule failed, delivery is a dead letter", "event_id", e.ID, "source", e.Source, "rule", d.Rule,
				"plugin", d.Plugin, "generation", generation, "reason", journal.ReasonRuleError, "err", shownError(d.Dead, sensitive))
		}
	}
}

// reportShadow logs the first failure of each shadow rule of a generation. It makes no dead letter, and all are counted.
func (in *intake) reportShadow(ctx context.Context, g *generation, env *pointsmanv1.Envelope, matched []rule.Delivery) {
	for i := range matched {
		if d := &matched[i]; d.Shadow && d.Err != nil && g.counts.firstShadowError(d.Rule) {
			in.log.WarnContext(ctx, "shadow rule failed; its next failures are counted and not logged", "event_id", env.GetId(), "source", env.GetSource(),
				"rule", d.Rule, "plugin", d.Plugin, "generation", g.number, "err", shownError(d.Err.Error(), env.GetSensitive()))
		}
	}
}

func shownError(text string, sensitive bool) string {
	if sensitive {
		return "(sensitive)"
	}
	return text
}

// newDeliveries turns the deliveries of the rules into those of the journal, without those of shadow rules.
func newDeliveries(matched []rule.Delivery, generation int64) []journal.NewDelivery {
	if len(matched) == 0 {
		return nil
	}
	out := make([]journal.NewDelivery, 0, len(matched))
	for i := range matched {
		d := &matched[i]
		if d.Shadow {
			continue
		}
		delivery := journal.NewDelivery{
			Rule: d.Rule, Plugin: d.Plugin, Arguments: d.Arguments, OrderKey: d.OrderKey, Policy: *d.Policy, Generation: generation, Sensitive: d.Sensitive,
		}
		if d.Err != nil {
			delivery.Dead, delivery.Arguments = d.Err.Error(), []byte("{}")
		}
		out = append(out, delivery)
	}
	return out
}
