package admin

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/sync/errgroup"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// planReports is how often a plan tells how far it is.
const planReports = 200 * time.Millisecond

// Plan implements adminv1connect.AdminServiceHandler.
func (s *Service) Plan(ctx context.Context, req *connect.Request[adminv1.PlanRequest]) (*connect.Response[adminv1.PlanResponse], error) {
	if s.Planner == nil {
		return nil, notRunning()
	}
	p, err := pageOf(req.Msg)
	if err != nil {
		return nil, err
	}
	f, err := s.eventFilter(req.Msg.GetFilter())
	if err != nil {
		return nil, err
	}
	c, diags, err := s.Planner.Plan(ctx, &adminv1.StreamPlanRequest{Files: req.Msg.GetFiles()})
	if err != nil || c == nil {
		return connect.NewResponse(&adminv1.PlanResponse{Diagnostics: diags}), err
	}
	again := s.recorded(f, c.Recorded(), p)
	events, err := again.next(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.Add(events); err != nil {
		return nil, err
	}
	result, err := c.Result(s.eventOf(ctx))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&adminv1.PlanResponse{
		Diagnostics: diags, Events: int32(result.GetEvents()), Changes: result.GetChanges(), NextPageToken: p.tokenBefore(again.before),
	}), nil
}

// StreamPlan implements adminv1connect.AdminServiceHandler.
func (s *Service) StreamPlan(ctx context.Context, req *connect.Request[adminv1.StreamPlanRequest], stream *connect.ServerStream[adminv1.StreamPlanResponse]) error {
	if s.Planner == nil {
		return notRunning()
	}
	if err := readBy(ctx, time.Time{}); err != nil {
		return err
	}
	f, err := s.eventFilter(req.Msg.GetFilter())
	if err != nil {
		return err
	}
	send := func(m *adminv1.StreamPlanResponse) error {
		if err := writeBy(ctx, time.Now().Add(writeLimit)); err != nil {
			return err
		}
		return stream.Send(m)
	}
	result, err := s.plan(ctx, req.Msg, f, func(p *adminv1.PlanProgress) error {
		return send(&adminv1.StreamPlanResponse{Item: &adminv1.StreamPlanResponse_Progress{Progress: p}})
	})
	if err != nil {
		return err
	}
	return send(&adminv1.StreamPlanResponse{Item: &adminv1.StreamPlanResponse_Result{Result: result}})
}

// plan is over when it returns: whoever has read its result can ask for the next one.
func (s *Service) plan(ctx context.Context, req *adminv1.StreamPlanRequest, f eventFilter, report func(*adminv1.PlanProgress) error) (*adminv1.PlanResult, error) {
	if !s.planning.CompareAndSwap(false, true) {
		return nil, fmt.Errorf("%w: another plan is being made: wait for it", ErrBusy)
	}
	defer s.planning.Store(false)
	if err := report(&adminv1.PlanProgress{}); err != nil { // the limit for writing ends while files are compiled
		return nil, err
	}
	c, diags, err := s.Planner.Plan(ctx, req)
	if err != nil || c == nil {
		return &adminv1.PlanResult{Diagnostics: diags}, err
	}
	if err := s.compare(ctx, c, f, report); err != nil {
		return nil, err
	}
	result, err := c.Result(s.eventOf(ctx))
	if err != nil {
		return nil, err
	}
	result.Diagnostics = diags
	return result, nil
}

// compare adds all selected events to a comparison. One goroutine reads, others evaluate.
func (s *Service) compare(ctx context.Context, c Comparison, f eventFilter, report func(*adminv1.PlanProgress) error) error {
	stats, err := s.Journal.Stats(ctx)
	if err != nil {
		return err
	}
	work, ctx := errgroup.WithContext(ctx)
	pages := make(chan []journal.EventRecord)
	work.Go(func() error {
		defer close(pages)
		progress := planProgress{stored: stats.Events, since: f.query.Since}
		return s.recorded(f, c.Recorded(), page{size: maxPage}).each(ctx, func(events []journal.EventRecord) error {
			select {
			case pages <- events:
			case <-ctx.Done():
				return ctx.Err()
			}
			if !progress.add(events) {
				return nil
			}
			return report(progress.message())
		})
	})
	for range s.evaluators() {
		work.Go(func() error {
			for events := range pages {
				if err := c.Add(events); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return work.Wait()
}

// evaluators is how many goroutines evaluate events. Those of a running router leave processors for the events that come in.
func (s *Service) evaluators() int {
	if s.Router != nil {
		return max(1, runtime.GOMAXPROCS(0)/2)
	}
	return runtime.GOMAXPROCS(0)
}

func (s *Service) eventOf(ctx context.Context) func(int64) (*journal.EventRecord, error) {
	return func(seq int64) (*journal.EventRecord, error) { return s.Journal.Event(ctx, seq) }
}

// planProgress estimates how far a plan is: by time if the selection begins at one, otherwise by the numbers of events.
type planProgress struct {
	stored int64
	since  time.Time

	events      int64
	first, last *journal.EventRecord
	reported    time.Time
}

// add counts events and reports whether it is time for a message.
func (p *planProgress) add(events []journal.EventRecord) bool {
	if len(events) == 0 {
		return false
	}
	if p.first == nil {
		p.first = &journal.EventRecord{Seq: events[0].Seq, Received: events[0].Received}
	}
	last := &events[len(events)-1]
	p.last = &journal.EventRecord{Seq: last.Seq, Received: last.Received}
	p.events += int64(len(events))
	if time.Since(p.reported) < planReports {
		return false
	}
	p.reported = time.Now()
	return true
}

func (p *planProgress) message() *adminv1.PlanProgress {
	done := float64(p.first.Seq-p.last.Seq) / float64(max(p.stored, 1))
	if all := p.first.Received.Sub(p.since); !p.since.IsZero() && all > 0 {
		done = max(done, float64(p.first.Received.Sub(p.last.Received))/float64(all))
	}
	return &adminv1.PlanProgress{Events: p.events, Done: min(done, 1)}
}
