package testbed

import (
	"context"
	"errors"
	"iter"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/sqlite"
)

// Deliveries iterates over all deliveries of a journal, newest first. The router must have ended.
func Deliveries(ctx context.Context, path string) iter.Seq2[journal.DeliveryRecord, error] {
	return func(yield func(journal.DeliveryRecord, error) bool) {
		j, err := sqlite.Open(ctx, path, sqlite.Options{})
		if err != nil {
			yield(journal.DeliveryRecord{}, err)
			return
		}
		goesOn, err := eachDelivery(ctx, j, yield)
		if err = errors.Join(err, j.Close()); err != nil && goesOn {
			yield(journal.DeliveryRecord{}, err)
		}
	}
}

// eachDelivery reads page by page until yield returns false.
func eachDelivery(ctx context.Context, j journal.Reader, yield func(journal.DeliveryRecord, error) bool) (goesOn bool, err error) {
	q := journal.DeliveryQuery{Page: journal.Page{Limit: 1000}}
	for {
		page, err := j.Deliveries(ctx, q)
		if err != nil {
			return true, err
		}
		for _, d := range page.Deliveries {
			if !yield(d, nil) {
				return false, nil
			}
		}
		if q.Before = page.Next; q.Before == 0 {
			return true, nil
		}
	}
}
