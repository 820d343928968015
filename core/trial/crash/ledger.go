package crash

import (
	"context"
	"fmt"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/trial/testbed"
)

// ledger counts the outcomes of acknowledged events.
type ledger struct {
	acked, delivered, dead, pending, lost int
	// extra counts events that were stored but whose acknowledgement did not reach the sender, again counts repeated
	// deliveries. Both are allowed.
	extra, again int
}

func (l ledger) String() string {
	return fmt.Sprintf("acked %d  delivered %d  dead %d  pending %d  lost %d   (stored but not acknowledged: %d, delivered again: %d)",
		l.acked, l.delivered, l.dead, l.pending, l.lost, l.extra, l.again)
}

// audit looks for every acknowledged event in the journal and in the plugin's record.
func (s *site) audit(ctx context.Context, l *load) (ledger, error) {
	record, err := testbed.ReadRecord(recordIn(s.Dir))
	if err != nil {
		return ledger{}, err
	}
	seen := map[string]bool{}
	for _, id := range record {
		seen[id] = true
	}
	fates, err := s.fates(ctx, seen)
	if err != nil {
		return ledger{}, err
	}
	books := ledger{acked: len(l.known), again: len(record) - len(seen), extra: len(fates) - len(l.known)}
	for _, id := range l.known {
		switch fates[id] {
		case delivered:
			books.delivered++
		case dead:
			books.dead++
		case pending:
			books.pending++
		default:
			books.lost++
			books.extra++
		}
	}
	return books, nil
}

// fate is the outcome of the only delivery of an event.
type fate int

const (
	missing fate = iota
	delivered
	dead
	pending
)

// fates returns the fate of each event in the journal, by event id. A delivery that is done in the journal but not in the plugin's
// record is missing.
func (s *site) fates(ctx context.Context, seen map[string]bool) (map[string]fate, error) {
	fates := map[string]fate{}
	for d, err := range testbed.Deliveries(ctx, s.Journal()) {
		if err != nil {
			return nil, err
		}
		switch {
		case d.State == journal.StateDone && seen[d.ID]:
			fates[d.EventID] = delivered
		case d.State == journal.StateDead:
			fates[d.EventID] = dead
		case d.State == journal.StatePending:
			fates[d.EventID] = pending
		default:
			fates[d.EventID] = missing
		}
	}
	return fates, nil
}
