package e2ereload

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/trial/testbed"
)

// ledger counts what became of the acknowledged events and of all deliveries.
type ledger struct {
	acked, deliveries int
	// lost counts acknowledged events of which a delivery is missing, or that is not done or not in the plugin's record.
	lost          int
	pending, dead int
	doubled       int // deliveries that a plugin did more than once
	// neither counts deliveries by a rule of neither set, or with arguments of another one.
	neither int
	// stale counts deliveries by a rule that the generation they name did not have, and mixed the events whose deliveries are not all
	// those, and only those, that one generation makes.
	stale, mixed int
	// disordered counts deliveries that were done before an earlier one of the same plugin and key.
	disordered int
}

// happened is what the journal holds about one event.
type happened struct {
	source     string
	generation int64
	made       []string // "<rule> <plugin>"
	unfinished bool     // a delivery is not done
}

// records are the ids of the deliveries that each plugin did, in order.
type records map[string][]string

// audit reads the journal and the plugins' records. The router must have ended.
func (s *site) audit(ctx context.Context) (ledger, error) {
	did := records{}
	for _, plugin := range []string{"ops", "steady"} {
		ids, err := testbed.ReadRecord(filepath.Join(s.dir, plugin+".txt"))
		if err != nil {
			return ledger{}, err
		}
		did[plugin] = ids
	}
	var all []journal.DeliveryRecord
	for d, err := range testbed.Deliveries(ctx, s.router.Journal()) {
		if err != nil {
			return ledger{}, err
		}
		all = append(all, d)
	}
	return s.balance(s.load.known, all, did)
}

// balance compares what was acknowledged, stored and done. known has the source of each acknowledged event.
func (s *site) balance(known map[string]string, all []journal.DeliveryRecord, did records) (ledger, error) {
	books := ledger{acked: len(known), deliveries: len(all)}
	done := map[string]bool{}
	for _, ids := range did {
		for _, id := range ids {
			if done[id] {
				books.doubled++
			}
			done[id] = true
		}
	}
	events := map[string]*happened{}
	for _, d := range all {
		set, id, err := sent(d)
		if err != nil {
			return books, err
		}
		books.count(d, set, s.generations)
		e := events[id]
		if e == nil {
			e = &happened{source: d.Source, generation: d.Generation}
			events[id] = e
		}
		e.made = append(e.made, d.Rule+" "+d.Plugin)
		e.unfinished = e.unfinished || d.State != journal.StateDone || !done[d.ID]
	}
	for _, e := range events {
		slices.Sort(e.made)
		if !slices.Equal(e.made, made(s.generations[e.generation].rules, e.source)) {
			books.mixed++
		}
	}
	for id, source := range known {
		if e := events[id]; e == nil || e.source != source || e.unfinished {
			books.lost++
		}
	}
	books.disordered = disordered(all, did)
	return books, nil
}

// sent returns the two words of the text that a rule sent: its set and the sender's id of the event.
func sent(d journal.DeliveryRecord) (set, id string, err error) {
	var arguments struct{ Text string }
	if err := json.Unmarshal(d.Arguments, &arguments); err != nil {
		return "", "", fmt.Errorf("arguments of delivery %s: %w", d.ID, err)
	}
	set, id, _ = strings.Cut(arguments.Text, " ")
	return set, id, nil
}

// count counts one delivery, whose text names a set.
func (l *ledger) count(d journal.DeliveryRecord, set string, generations map[int64]state) {
	switch d.State {
	case journal.StatePending:
		l.pending++
	case journal.StateDead:
		l.dead++
	}
	byName := func(r rule) bool { return r.name() == d.Rule && r.set == set }
	if !slices.ContainsFunc(rules, byName) {
		l.neither++
	}
	if made, ok := generations[d.Generation]; !ok || set != made.rules || !slices.Contains(made.sources(), d.Source) {
		l.stale++
	}
}

// disordered counts deliveries with an order key that were first done after a later one of the same plugin and key.
func disordered(all []journal.DeliveryRecord, did records) (n int) {
	ordered := map[string]journal.DeliveryRecord{}
	for _, d := range all {
		if d.OrderKey != "" {
			ordered[d.ID] = d
		}
	}
	for _, ids := range did {
		last := map[string]int64{} // by order key
		for _, id := range ids {
			d, ok := ordered[id]
			if !ok {
				continue
			}
			if d.Seq < last[d.OrderKey] {
				n++
			}
			last[d.OrderKey] = max(d.Seq, last[d.OrderKey])
			delete(ordered, id) // what is done again is counted as doubled
		}
	}
	return n
}
