package app

import (
	"context"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/journal"
)

// reportingJournal publishes stored events and settled deliveries to the feed of the admin API. Without a tail that costs one
// atomic load.
type reportingJournal struct {
	journal.Store
	feed *admin.Feed
}

// Append implements journal.Journal. Events with Memory have no number yet, so only their deliveries are reported.
func (j reportingJournal) Append(ctx context.Context, d journal.Durability, entries []journal.Entry) ([]journal.Appended, error) {
	appended, err := j.Store.Append(ctx, d, entries)
	if err == nil && d == journal.Disk && j.feed.Active() {
		for _, a := range appended {
			if !a.Duplicate {
				j.feed.EventStored(a.Seq)
			}
		}
	}
	return appended, err
}

// Settle implements journal.Journal.
func (j reportingJournal) Settle(ctx context.Context, results []journal.Settlement) error {
	err := j.Store.Settle(ctx, results)
	if j.feed.Active() {
		for i := range results {
			if results[i].Outcome != journal.Release {
				j.feed.DeliverySettled(results[i].Seq)
			}
		}
	}
	return err
}
