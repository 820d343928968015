package admin

import (
	"context"
	"errors"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// How much one call may search for what matches an expression, which the journal does not know.
const (
	maxSearched = 2000
	maxSearch   = 100 * time.Millisecond
	searchStep  = 200
)

// search reads the part of a list that begins before the number before, until it has want records that keep accepts or has searched
// for long enough. It returns the number before which the next part begins, 0 at the end of the list. Without keep it reads one part.
func search[R any](want int, before int64, read func(journal.Page) ([]R, int64, error), seq func(*R) int64, keep func(*R) (bool, error)) ([]R, int64, error) {
	if keep == nil {
		return read(journal.Page{Before: before, Limit: want})
	}
	var found []R
	deadline := time.Now().Add(maxSearch)
	for searched := 0; ; {
		part, next, err := read(journal.Page{Before: before, Limit: searchStep})
		if err != nil {
			return nil, 0, err
		}
		for i := range part {
			kept, err := keep(&part[i])
			if err != nil {
				return nil, 0, err
			}
			if kept {
				found = append(found, part[i])
			}
			last := i == len(part)-1 && next == 0
			if searched++; !last && (len(found) == want || searched >= maxSearched || time.Now().After(deadline)) {
				return found, seq(&part[i]), nil
			}
		}
		if next == 0 {
			return found, 0, nil
		}
		before = next
	}
}

// events searches the journal for events.
func (s *Service) events(ctx context.Context, f eventFilter, p page) ([]journal.EventRecord, int64, error) {
	before, err := p.before()
	if err != nil {
		return nil, 0, err
	}
	read := func(part journal.Page) ([]journal.EventRecord, int64, error) {
		q := f.query
		q.Page = part
		got, err := s.Journal.Events(ctx, q)
		return got.Events, got.Next, err
	}
	var keep func(*journal.EventRecord) (bool, error)
	if f.match != nil {
		keep = func(e *journal.EventRecord) (bool, error) { return matches(f.match, e), nil }
	}
	return search(p.size, before, read, func(e *journal.EventRecord) int64 { return e.Seq }, keep)
}

// deliveries searches the journal for deliveries, or reads those with the filter's ids.
func (s *Service) deliveries(ctx context.Context, f deliveryFilter, p page) ([]journal.DeliveryRecord, int64, error) {
	var keep func(*journal.DeliveryRecord) (bool, error)
	if f.match != nil {
		keep = s.perEvent(ctx, func(e *journal.EventRecord) bool { return matches(f.match, e) })
	}
	if len(f.ids) > 0 {
		found, err := s.deliveriesByID(ctx, f, keep)
		return found, 0, err
	}
	before, err := p.before()
	if err != nil {
		return nil, 0, err
	}
	read := func(part journal.Page) ([]journal.DeliveryRecord, int64, error) {
		q := f.query
		q.Page = part
		got, err := s.Journal.Deliveries(ctx, q)
		return got.Deliveries, got.Next, err
	}
	return search(p.size, before, read, func(d *journal.DeliveryRecord) int64 { return d.Seq }, keep)
}

func (s *Service) deliveriesByID(ctx context.Context, f deliveryFilter, keep func(*journal.DeliveryRecord) (bool, error)) ([]journal.DeliveryRecord, error) {
	var found []journal.DeliveryRecord
	for _, id := range f.ids {
		d, err := s.deliveryByID(ctx, id)
		if err != nil {
			return nil, err
		}
		kept := f.holds(d)
		if kept && keep != nil {
			if kept, err = keep(d); err != nil {
				return nil, err
			}
		}
		if kept {
			found = append(found, *d)
		}
	}
	return found, nil
}

func (s *Service) deliveryByID(ctx context.Context, id string) (*journal.DeliveryRecord, error) {
	seq, err := s.Journal.DeliverySeq(id)
	if err != nil {
		return nil, err
	}
	return s.Journal.Delivery(ctx, seq)
}

// perEvent returns a function that says whether a property holds for the event of a delivery; it does not for one that was deleted
// meanwhile. Deliveries of one event follow one another, so it reads each event once.
func (s *Service) perEvent(ctx context.Context, property func(*journal.EventRecord) bool) func(*journal.DeliveryRecord) (bool, error) {
	var event int64
	var holds bool
	return func(d *journal.DeliveryRecord) (bool, error) {
		if d.Event != event {
			e, err := s.Journal.Event(ctx, d.Event)
			if err != nil && !errors.Is(err, journal.ErrNotFound) {
				return false, err
			}
			event, holds = d.Event, err == nil && property(e)
		}
		return holds, nil
	}
}
