package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/sqlite"
)

const listedEvents = 1_000_000

// BenchmarkLists measures the first page of lists over a million events of 1 KiB, while one sender appends without a pause. It also
// reports how many records the page has, and how many events were appended per second.
func BenchmarkLists(b *testing.B) {
	j, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "journal.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	start := time.Now()
	fillForLists(b, j)
	middle := journal.Span{Since: start.Add(time.Since(start) / 2), Until: start.Add(time.Since(start)/2 + time.Second)}
	b.Run("backlog", func(b *testing.B) {
		settleForLists(b, j, 3)
		benchEvents(b, j, "state=done,three", journal.EventQuery{State: journal.StateDone})
		benchEvents(b, j, "state=pending,most", journal.EventQuery{State: journal.StatePending})
		benchDeliveries(b, j, "state=done,three", journal.DeliveryQuery{State: journal.StateDone})
		benchDeliveries(b, j, "state=pending,most", journal.DeliveryQuery{State: journal.StatePending})
	})
	b.Run("settled", func(b *testing.B) {
		settleForLists(b, j, listedEvents)
		benchEvents(b, j, "all", journal.EventQuery{})
		for _, s := range []journal.State{journal.StatePending, journal.StateDone, journal.StateDead, journal.StateUnmatched, journal.StateQuarantined} {
			benchEvents(b, j, "state="+string(s), journal.EventQuery{State: s})
		}
		benchEvents(b, j, "source=lab,most", journal.EventQuery{Source: "lab"})
		benchEvents(b, j, "source=field,three", journal.EventQuery{Source: "field"})
		benchEvents(b, j, "plugin=ops,most", journal.EventQuery{Plugin: "ops"})
		benchEvents(b, j, "plugin=mail,three", journal.EventQuery{Plugin: "mail"})
		benchEvents(b, j, "rule=alarm,three", journal.EventQuery{Rule: "alarm"})
		benchEvents(b, j, "rule=hourly,thousand", journal.EventQuery{Rule: "hourly"})
		benchEvents(b, j, "time", journal.EventQuery{Span: middle})
		benchEvents(b, j, "type=none", journal.EventQuery{TypePrefix: "none"})
		benchEvents(b, j, "source=field,state=dead", journal.EventQuery{Source: "field", State: journal.StateDead})
		benchDeliveries(b, j, "all", journal.DeliveryQuery{})
		for _, s := range []journal.State{journal.StatePending, journal.StateDone, journal.StateDead} {
			benchDeliveries(b, j, "state="+string(s), journal.DeliveryQuery{State: s})
		}
		benchDeliveries(b, j, "reason=poison,three", journal.DeliveryQuery{Reason: journal.ReasonPoison})
		benchDeliveries(b, j, "reason=rejected,most", journal.DeliveryQuery{Reason: journal.ReasonRejected})
		benchDeliveries(b, j, "plugin=mail,three", journal.DeliveryQuery{Plugin: "mail"})
		benchDeliveries(b, j, "rule=alarm,three", journal.DeliveryQuery{Rule: "alarm"})
		benchDeliveries(b, j, "source=field,three", journal.DeliveryQuery{Source: "field"})
		benchDeliveries(b, j, "time", journal.DeliveryQuery{Span: middle})
	})
}

// fillForLists appends events of which some kinds occur three times only.
func fillForLists(b *testing.B, j *sqlite.Journal) {
	b.Helper()
	batch := make([]journal.Entry, 0, 1000)
	for i := range listedEvents {
		e := benchEntry(i)
		e.Keys = nil
		d := &e.Deliveries[0]
		if i%1000 == 0 {
			d.Rule = "hourly"
		}
		switch i % 333_333 {
		case 1:
			e.Source = "field"
		case 2:
			d.Plugin = "mail"
		case 3:
			d.Rule = "alarm"
		case 4:
			e.Deliveries = nil
		case 5:
			e.Deliveries, e.Quarantine = nil, "not JSON"
		}
		if batch = append(batch, e); len(batch) < cap(batch) {
			continue
		}
		if _, err := j.Append(context.Background(), journal.Disk, batch); err != nil {
			b.Fatal(err)
		}
		batch = make([]journal.Entry, 0, 1000)
	}
}

// settleForLists settles n deliveries, or as many as there are. Every twentieth becomes a dead letter, three of them for another
// reason, and three stay pending.
func settleForLists(b *testing.B, j *sqlite.Journal, n int) {
	b.Helper()
	for n > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		ds, err := j.Claim(ctx, "ops", min(n, 1000))
		cancel()
		if err != nil {
			return
		}
		results := make([]journal.Settlement, len(ds))
		for i, d := range ds {
			results[i] = journal.Settlement{Seq: d.Seq, Outcome: journal.Done}
			switch {
			case d.Event%333_333 == 100:
				results[i] = journal.Settlement{Seq: d.Seq, Outcome: journal.Retry, At: time.Now().Add(time.Hour)}
			case d.Event%333_333 == 120:
				results[i] = journal.Settlement{Seq: d.Seq, Outcome: journal.Dead, Reason: journal.ReasonPoison, Error: "it crashed"}
			case d.Event%20 == 19:
				results[i] = journal.Settlement{Seq: d.Seq, Outcome: journal.Dead, Reason: journal.ReasonRejected, Error: "no such channel"}
			}
		}
		if err := j.Settle(context.Background(), results); err != nil {
			b.Fatal(err)
		}
		n -= len(ds)
	}
}

func benchEvents(b *testing.B, j *sqlite.Journal, name string, q journal.EventQuery) {
	b.Helper()
	benchList(b, j, "events/"+name, func() (int, error) {
		page, err := j.Events(context.Background(), q)
		return len(page.Events), err
	})
}

func benchDeliveries(b *testing.B, j *sqlite.Journal, name string, q journal.DeliveryQuery) {
	b.Helper()
	benchList(b, j, "deliveries/"+name, func() (int, error) {
		page, err := j.Deliveries(context.Background(), q)
		return len(page.Deliveries), err
	})
}

func benchList(b *testing.B, j *sqlite.Journal, name string, list func() (int, error)) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		var stop atomic.Bool
		appended := make(chan int)
		go func() {
			n := 0
			for ; !stop.Load(); n++ {
				e := benchEntry(0)
				e.Keys, e.Type = nil, fmt.Sprint("while.listed.", n)
				if _, err := j.Append(context.Background(), journal.Disk, []journal.Entry{e}); err != nil {
					b.Error(err)
					break
				}
			}
			appended <- n
		}()
		found := 0
		var err error
		b.ResetTimer()
		for range b.N {
			if found, err = list(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/page")
		elapsed := b.Elapsed()
		stop.Store(true)
		b.ReportMetric(float64(<-appended)/elapsed.Seconds(), "appends/s")
		b.ReportMetric(float64(found), "found")
	})
}
