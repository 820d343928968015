package admin

import (
	"context"
	"slices"
	"strconv"

	"github.com/pointsman/pointsman/core/journal"
)

// recorded reads the stored events that a filter selects, to evaluate them again, for plans and replays. Newest first, a page at a
// time, it leaves out replays: their originals are selected as well, or were deleted on purpose.
type recorded struct {
	s *Service
	f eventFilter
	p page
	// before is where the next page begins, 0 at the end.
	before int64
	// deliveries is nil for events without them.
	deliveries *recordedDeliveries
}

func (s *Service) recorded(f eventFilter, deliveries bool, p page) *recorded {
	r := &recorded{s: s, f: f, p: p}
	if deliveries {
		r.deliveries = &recordedDeliveries{s: s, query: journal.DeliveryQuery{Source: f.query.Source, Span: f.query.Span}}
	}
	return r
}

// next returns the next page, which may be empty before the end.
func (r *recorded) next(ctx context.Context) ([]journal.EventRecord, error) {
	events, before, err := r.s.events(ctx, r.f, r.p)
	if err != nil {
		return nil, err
	}
	r.before, r.p.after = before, strconv.FormatInt(before, 10)
	events = slices.DeleteFunc(events, isReplay)
	if r.deliveries != nil {
		err = r.deliveries.addTo(ctx, events)
	}
	return events, err
}

// each calls visit with every page until the end, or until the router stops.
func (r *recorded) each(ctx context.Context, visit func([]journal.EventRecord) error) error {
	for {
		events, err := r.next(ctx)
		if err != nil {
			return err
		}
		if err := visit(events); err != nil || r.before == 0 {
			return err
		}
		select {
		case <-r.s.stopping:
			return ErrStopping
		default:
		}
	}
}

func isReplay(e journal.EventRecord) bool { return e.ReplayOf != 0 }

// recordedDeliveries reads deliveries beside their events, newest first.
type recordedDeliveries struct {
	s     *Service
	query journal.DeliveryQuery
	// read are those that were read and belong to no event yet.
	read []journal.DeliveryRecord
	over bool
}

// addTo adds their deliveries to events, which are older than those of the last call.
func (d *recordedDeliveries) addTo(ctx context.Context, events []journal.EventRecord) error {
	for i := range events {
		e := &events[i]
		for {
			if len(d.read) == 0 {
				if d.over {
					break
				}
				if err := d.more(ctx); err != nil {
					return err
				}
				continue
			}
			if d.read[0].Event < e.Seq {
				break
			}
			if d.read[0].Event == e.Seq {
				e.Deliveries = append(e.Deliveries, d.read[0])
			}
			d.read = d.read[1:]
		}
		slices.Reverse(e.Deliveries)
	}
	return nil
}

func (d *recordedDeliveries) more(ctx context.Context) error {
	d.query.Limit = maxPage
	got, err := d.s.Journal.Deliveries(ctx, d.query)
	if err != nil {
		return err
	}
	d.read, d.query.Before, d.over = got.Deliveries, got.Next, got.Next == 0
	return nil
}
