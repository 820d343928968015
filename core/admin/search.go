package admin

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// How much one call may read from the journal. A page that ends early names the next one.
const (
	maxSearched  = 2000
	maxSearch    = 100 * time.Millisecond
	maxPageBytes = 16 << 20 // of envelopes and arguments
	searchStep   = 100
)

// search is the search for one page of a list of R.
type search[R any] struct {
	// read reads a part of the list.
	read func(journal.Page) ([]R, int64, error)
	// keep reports whether a record is wanted. Nil: all are.
	keep func(*R) (bool, error)
	// seq is a record's number, size the bytes of its content.
	seq  func(*R) int64
	size func(*R) int
}

// page reads the part of the list that begins before the number before, until it has want records or has read enough. It returns the
// number before which the next page begins, 0 at the end of the list.
func (s *search[R]) page(want int, before int64) ([]R, int64, error) {
	var found []R
	deadline := time.Now().Add(maxSearch)
	for searched, bytes := 0, 0; ; {
		step := searchStep
		if s.keep == nil {
			step = min(step, want-len(found))
		}
		part, next, err := s.read(journal.Page{Before: before, Limit: step})
		if err != nil {
			return nil, 0, err
		}
		for i := range part {
			kept := true
			if s.keep != nil {
				if kept, err = s.keep(&part[i]); err != nil {
					return nil, 0, err
				}
			}
			if kept {
				found = append(found, part[i])
				bytes += s.size(&part[i])
			}
			searched++
			enough := len(found) == want || searched >= maxSearched || bytes >= maxPageBytes || time.Now().After(deadline)
			if last := i == len(part)-1 && next == 0; enough && !last {
				return found, s.seq(&part[i]), nil
			}
		}
		if next == 0 || time.Now().After(deadline) {
			return found, next, nil
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
	list := search[journal.EventRecord]{
		read: func(part journal.Page) ([]journal.EventRecord, int64, error) {
			q := f.query
			q.Page = part
			got, err := s.Journal.Events(ctx, q)
			return got.Events, got.Next, err
		},
		seq:  func(e *journal.EventRecord) int64 { return e.Seq },
		size: func(e *journal.EventRecord) int { return len(e.Envelope) },
	}
	if f.match != nil {
		list.keep = func(e *journal.EventRecord) (bool, error) { return matches(f.match, e), nil }
	}
	return list.page(p.size, before)
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
	list := search[journal.DeliveryRecord]{
		read: func(part journal.Page) ([]journal.DeliveryRecord, int64, error) {
			q := f.query
			q.Page = part
			got, err := s.Journal.Deliveries(ctx, q)
			return got.Deliveries, got.Next, err
		},
		keep: keep,
		seq:  func(d *journal.DeliveryRecord) int64 { return d.Seq },
		size: func(d *journal.DeliveryRecord) int { return len(d.Arguments) },
	}
	return list.page(p.size, before)
}

func (s *Service) deliveriesByID(ctx context.Context, f deliveryFilter, keep func(*journal.DeliveryRecord) (bool, error)) ([]journal.DeliveryRecord, error) {
	var found []journal.DeliveryRecord
	ids := slices.Clone(f.ids)
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
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

// perEvent returns a function that reports whether a property holds for the event of a delivery; it does not for one that was deleted
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
